// Which shape does each pixel belong to? A small U-Net learns it from pictures that are drawn here, and is measured on
// others by the intersection over the union (IoU) of each class.
//
//   node examples/segmentation.mjs --epochs 8 --samples 1200 --seed 7 --threads 2

import { parseArgs } from "node:util";
import { configure, optimizers, setSeed, tensor } from "wasmgrad";
import { unet } from "wasmgrad/applications";
import { classes, drawShapes } from "./shapes/draw.mjs";

const { values: options } = parseArgs({
  options: {
    epochs: { type: "string", default: "8" },
    samples: { type: "string", default: "1200" },
    seed: { type: "string", default: "7" },
    threads: { type: "string", default: "auto" },
  },
});
const seed = Number(options.seed);
configure({ threads: options.threads === "auto" ? "auto" : Number(options.threads) });
setSeed(seed);

const size = 48;
const [train, test] = [pictures(Number(options.samples), 2 * seed), pictures(200, 2 * seed + 1)];

const model = unet({ inputShape: [size, size, 1], depth: 2, width: 8, classes: classes.length + 1 });
model.compile({
  optimizer: optimizers.adam({ learningRate: 0.004 }),
  loss: "sparseCategoricalCrossentropy",
  metrics: ["accuracy"],
});
console.log(`${model.countParams()} parameters`);

const started = performance.now();
await model.fit(train.x, train.y, { batchSize: 16, epochs: Number(options.epochs), validationData: [test.x, test.y] });
console.log(`trained in ${((performance.now() - started) / 1000).toFixed(1)} s`);

const found = likeliestClasses(model.predict(test.x, { batchSize: 50 }));
const names = ["background", ...classes];
const scores = names.map((_, kind) => intersectionOverUnion(found, test.y.data, kind));
names.forEach((name, kind) => {
  console.log(`IoU of ${name.padEnd(10)} ${scores[kind].toFixed(4)}`);
});
console.log(`mean IoU: ${(scores.reduce((sum, score) => sum + score, 0) / scores.length).toFixed(4)}`);

const rows = [picture(test.y.data), picture(found)];
console.log(`\n${"as it is".padEnd(size + 2)}as predicted`);
for (let row = 0; row < rows[0].length; row++) console.log(rows.map((lines) => lines[row]).join("  "));

/** Pictures as tensors: x [count, size, size, 1], y [count, size, size] with the class of each pixel. */
function pictures(count, seed) {
  const { images, labels } = drawShapes({ count, size, seed });
  return { x: tensor(images, [count, size, size, 1]), y: tensor(labels, [count, size, size]) };
}

/** The class of the greatest probability, for each pixel. */
function likeliestClasses({ data, shape }) {
  const count = shape[shape.length - 1];
  return Int32Array.from({ length: data.length / count }, (_, pixel) => {
    const row = data.subarray(pixel * count, (pixel + 1) * count);
    return row.indexOf(Math.max(...row));
  });
}

/** Pixels that are `kind` in both, over those that are in either. */
function intersectionOverUnion(a, b, kind) {
  let [both, either] = [0, 0];
  for (let pixel = 0; pixel < a.length; pixel++) {
    if (a[pixel] === kind && b[pixel] === kind) both++;
    if (a[pixel] === kind || b[pixel] === kind) either++;
  }
  return both / either;
}

/** The first picture of `labels` as lines of text; a character is twice as high as wide, so every second row. */
function picture(labels) {
  const marks = [".", "o", "#", "^"];
  return Array.from({ length: size / 2 }, (_, line) =>
    Array.from({ length: size }, (_, column) => marks[labels[2 * line * size + column]]).join(""),
  );
}
