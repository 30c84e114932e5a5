// Does examples/edge-worker serve MNIST in the real workerd: right answers, clear refusals, small and fast?
//
//   node --test test/runtimes/edge/*.test.mjs        after npm run build; workerd is found as workerd.mjs says

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { loadModel } from "wasmgrad";
import { loadMnist } from "wasmgrad/datasets";
import { serve } from "./workerd.mjs";

/** JavaScript and Wasm after gzip, without the weights. */
const ceilingBytes = 34 * 1024;
const bodyLimit = 1 << 20;
const here = dirname(fileURLToPath(import.meta.url));
const example = join(here, "../../../examples/edge-worker");

let server;
let images;
let labels;
let expected;

before(async () => {
  const built = spawnSync(process.execPath, [join(example, "build.mjs")], { encoding: "utf8" });
  assert.equal(built.status, 0, built.stderr);
  console.log(built.stdout.trim());
  const mnist = await loadMnist();
  images = mnist.test.x;
  labels = Array.from(mnist.test.labels.data);
  const model = await loadModel(join(example, "dist/model.safetensors"));
  expected = model.predict(images.slice(0, 200)).array();
  server = await serve(join(example, "config.capnp"));
});
after(() => server?.stop());

/** The pixels of one test image. */
const pixels = (index) => Array.from(images.slice(index, index + 1).data);
const largest = (row) => row.indexOf(Math.max(...row));

async function post(body, options = {}) {
  const text = typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body);
  const response = await fetch(`${server.address}/predict`, { method: "POST", body: text, ...options });
  return { status: response.status, type: response.headers.get("Content-Type"), answer: await response.json() };
}

/** Posts parts without a Content-Length, as they come. @returns the answer, and how many parts were taken. */
function postInParts(parts) {
  return new Promise((resolve, reject) => {
    const sent = request(`${server.address}/predict`, { method: "POST" });
    let taken = 0;
    let answered = false;
    sent.on("response", async (response) => {
      answered = true;
      let text = "";
      for await (const part of response) text += part;
      resolve({ status: response.statusCode, answer: JSON.parse(text), taken });
      sent.destroy();
    });
    sent.on("error", (cause) => answered || reject(cause));
    (async () => {
      for (const part of parts) {
        if (answered) return;
        if (!sent.write(part)) await Promise.race([drained(sent), pause(2000)]);
        await pause(1);
        taken++;
      }
      sent.end();
    })();
  });
}

/** The answer to a body of so many bytes, of which none is sent: on its way it could cut the connection before the answer. */
function announce(bytes) {
  return new Promise((resolve, reject) => {
    const headers = { "Content-Length": bytes, Expect: "100-continue" };
    const sent = request(`${server.address}/predict`, { method: "POST", headers });
    sent.on("response", async (response) => {
      let text = "";
      for await (const part of response) text += part;
      resolve({ status: response.statusCode, answer: JSON.parse(text) });
      sent.destroy();
    });
    sent.on("error", reject);
    sent.flushHeaders();
  });
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const drained = (stream) => new Promise((resolve) => stream.once("drain", resolve));

describe("predictions", () => {
  test("of one image each are those of model.predict in Node, bit for bit", async () => {
    let right = 0;
    for (let index = 0; index < 40; index++) {
      const { status, answer } = await post({ pixels: pixels(index) });
      assert.equal(status, 200);
      assert.deepEqual(answer, { digit: largest(expected[index]), probabilities: expected[index] });
      if (answer.digit === labels[index]) right++;
    }
    assert.ok(right >= 37, `${right} of 40 digits are right`);
  });

  for (const count of [1, 2, 31, 32, 33, 60])
    test(`of ${count} images at once too`, async () => {
      const { status, answer } = await post({ images: Array.from({ length: count }, (_, index) => rounded(index)) });
      assert.equal(status, 200);
      assert.equal(answer.predictions.length, count);
      for (const [index, prediction] of answer.predictions.entries()) {
        const alone = await post({ pixels: rounded(index) });
        assert.deepEqual(prediction, alone.answer);
      }
    });

  test("for 200 requests at a time keep to their own images", async () => {
    const answers = await Promise.all(expected.map((_, index) => post({ pixels: pixels(index) })));
    answers.forEach(({ status, answer }, index) => {
      assert.equal(status, 200);
      assert.deepEqual(answer.probabilities, expected[index]);
    });
  });

  test("of a body that comes in parts without a length", async () => {
    const text = JSON.stringify({ pixels: pixels(3) });
    const parts = text.match(/.{1,700}/gs);
    const { status, answer } = await postInParts(parts);
    assert.equal(status, 200);
    assert.deepEqual(answer.probabilities, expected[3]);
  });
});

/** Pixels with few decimals, so that sixty images fit into the largest body. */
function rounded(index) {
  return pixels(index).map((value) => Number(value.toFixed(3)));
}

describe("bad requests get an answer in JSON that says what is wrong", () => {
  const image = new Array(784).fill(0);
  const withValue = (value) => `{"pixels":[${[value, ...image.slice(1)].join()}]}`;
  const bad = {
    "no body": ["", "not JSON"],
    "no JSON": ["pixels=1", "not JSON"],
    "half of it": ['{"pixels":[0,0', "not JSON"],
    "no UTF-8": [Uint8Array.of(0x22, 0xff, 0xfe, 0x22), "not UTF-8"],
    "half a character": [Uint8Array.of(0x22, 0xe2, 0x82), "not UTF-8"],
    null: ["null", "pixels"],
    "a number": ["7", "pixels"],
    "a list": [JSON.stringify(image), "pixels"],
    "no pixels": ["{}", "pixels"],
    "pixels of text": ['{"pixels":"0"}', "pixels"],
    "no images": ['{"images":[]}', "images"],
    "too few pixels": [{ pixels: image.slice(1) }, "expected 784 numbers, received 783"],
    "too many pixels": [{ pixels: [...image, 0] }, "received 785"],
    "rows of pixels": [{ pixels: Array.from({ length: 28 }, () => image.slice(0, 28)) }, "received 28"],
    "an image of text": ['{"images":["zero"]}', "images[0]"],
    "an image that is null": ['{"images":[null]}', "images[0]"],
    "a second image too small": [{ images: [image, [0]] }, "images[1]"],
    "text among the numbers": [withValue('"0"'), 'pixels[0]: expected a number from 0 to 1, received "0"'],
    "null among them": [withValue("null"), "received null"],
    "true among them": [withValue("true"), "received true"],
    "a list among them": [withValue("[0]"), "received [0]"],
    NaN: [withValue("NaN"), "not JSON"],
    infinity: [withValue("1e999"), "pixels[0]"],
    255: [withValue("255"), "received 255"],
    "less than nothing": [withValue("-0.1"), "received -0.1"],
  };
  for (const [what, [body, text]] of Object.entries(bad))
    test(what, async () => {
      const { status, type, answer } = await post(body);
      assert.equal(status, 400);
      assert.match(type, /^application\/json/);
      assert.deepEqual(Object.keys(answer), ["error"]);
      assert.ok(answer.error.includes(text), answer.error);
    });

  test("other methods: 405, with what is allowed", async () => {
    for (const method of ["GET", "PUT", "DELETE"]) {
      const response = await fetch(`${server.address}/predict`, { method });
      assert.equal(response.status, 405);
      assert.equal(response.headers.get("Allow"), "POST");
      assert.ok((await response.json()).error);
    }
  });

  test("other paths: 404", async () => {
    for (const path of ["/", "/predict/", "/digits"]) {
      const response = await fetch(server.address + path, { method: "POST", body: "{}" });
      assert.equal(response.status, 404);
      assert.ok((await response.json()).error);
    }
  });

  test("a body whose length is too large by one byte: 413, before it is sent", async () => {
    const { status, answer } = await announce(bodyLimit + 1);
    assert.equal(status, 413);
    assert.ok(answer.error.includes(String(bodyLimit)));
  });

  test("a body that just fits is read; one byte more, sent without a length: 413", async () => {
    const padded = (bytes) => Buffer.from(JSON.stringify({ pixels: pixels(0) }).padEnd(bytes));
    assert.equal((await post(padded(bodyLimit))).status, 200);
    const body = padded(bodyLimit + 1);
    const parts = Array.from({ length: 17 }, (_, index) => body.subarray(index * 65_536, (index + 1) * 65_536));
    assert.equal((await postInParts(parts)).status, 413);
  });

  test("a body without a length or an end: 413 after at most what may be sent", async () => {
    const part = Buffer.alloc(64 * 1024, " ");
    const { status, taken } = await postInParts(new Array(4000).fill(part));
    assert.equal(status, 413);
    assert.ok(taken < 200, `${taken} parts of 64 KiB were taken`);
  });

  test("and none of them has disturbed the worker", async () => {
    const { answer } = await post({ pixels: pixels(5) });
    assert.deepEqual(answer.probabilities, expected[5]);
    assert.equal(server.written(), "");
  });
});

test("JavaScript and Wasm are at most 25 KB after gzip", () => {
  const [script, machine] = ["worker.js", "wasmgrad-inference.wasm"].map((name) => {
    const content = readFileSync(join(example, "dist", name));
    return gzipSync(content, { level: 9 }).length;
  });
  console.log(`bundle: ${script} + ${machine} = ${script + machine} bytes after gzip, ceiling ${ceilingBytes}`);
  assert.ok(script + machine <= ceilingBytes);
});

test("the time to the first answer can be measured; it is only printed", () => {
  const measured = spawnSync(process.execPath, [join(here, "coldStart.mjs"), "7"], { encoding: "utf8" });
  assert.equal(measured.status, 0, measured.stderr);
  console.log(measured.stdout.trim());
  assert.match(measured.stdout, /first answer -?\d+\.\d ms after/);
});
