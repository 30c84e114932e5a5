// Answers POST /predict: which digit is this? For workerd, Cloudflare Workers and everything that runs module workers.
//
//   { "pixels": [784 numbers from 0 to 1] }          → { "digit": 7, "probabilities": [10 numbers] }
//   { "images": [[784 numbers from 0 to 1], …] }     → { "predictions": [{ "digit": 7, "probabilities": […] }, …] }

import { loadProgram, tensor } from "wasmgrad/inference";
import file from "./dist/digits.bin";

/** Longest body that is read: some sixty images. */
const bodyBytes = 1 << 20;
const program = loadProgram(file);
const imageShape = program.inputs[0].shape;
const imageSize = imageShape.reduce((size, length) => size * length, 1);

export default {
  async fetch(request) {
    try {
      const { pathname } = new URL(request.url);
      if (pathname !== "/predict") throw new Refusal(404, "There is only /predict.");
      if (request.method !== "POST") throw new Refusal(405, "Use POST.", { Allow: "POST" });
      return Response.json(answer(parse(await readBody(request))));
    } catch (error) {
      const known = error instanceof Refusal ? error : new Refusal(500, "Something went wrong.");
      if (known !== error) console.error(error);
      return Response.json({ error: known.message }, { status: known.status, headers: known.headers });
    }
  },
};

/** A request that gets no prediction, and the answer that says why. */
class Refusal extends Error {
  constructor(status, message, headers = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** The body as text. Never holds more of it than may be. */
async function readBody(request) {
  const tooLarge = new Refusal(413, `The body may have at most ${bodyBytes} bytes.`);
  if (Number(request.headers.get("Content-Length")) > bodyBytes) throw tooLarge;
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const reader = request.body?.getReader();
  let text = "";
  let bytes = 0;
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true };
    if (!done) bytes += value.byteLength;
    if (bytes > bodyBytes) {
      await reader.cancel();
      throw tooLarge;
    }
    try {
      text += decoder.decode(value, { stream: !done });
    } catch {
      throw new Refusal(400, "The body is not UTF-8.");
    }
    if (done) return text;
  }
}

/** What the body asks for: one image or several. */
function parse(text) {
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    throw new Refusal(400, "The body is not JSON.");
  }
  if (Array.isArray(body?.pixels)) return { single: true, images: [checkedImage("pixels", body.pixels)] };
  if (Array.isArray(body?.images) && body.images.length > 0)
    return { single: false, images: body.images.map((image, index) => checkedImage(`images[${index}]`, image)) };
  throw new Refusal(400, `Expected { "pixels": [${imageSize} numbers] } or { "images": [[${imageSize} numbers], …] }.`);
}

function checkedImage(where, image) {
  if (!Array.isArray(image) || image.length !== imageSize)
    throw new Refusal(400, `${where}: expected ${imageSize} numbers, received ${image?.length ?? typeof image}.`);
  const wrong = image.findIndex((value) => typeof value !== "number" || !(value >= 0 && value <= 1));
  if (wrong >= 0)
    throw new Refusal(400, `${where}[${wrong}]: expected a number from 0 to 1, received ${show(image[wrong])}.`);
  return image;
}

function show(value) {
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}

function answer({ single, images }) {
  const probabilities = program.predict(tensor(Float32Array.from(images.flat()), [images.length, ...imageShape]));
  const predictions = probabilities
    .array()
    .map((row) => ({ digit: row.indexOf(Math.max(...row)), probabilities: row }));
  return single ? predictions[0] : { predictions };
}
