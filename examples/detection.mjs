// Where are the shapes, and which? A small network without anchor boxes learns it from pictures that are drawn here, and is
// measured on others.
//
// The picture is divided into 8 × 8 cells. Each tells whether the centre of a shape lies in it, how far the edges of its box
// are from the middle of the cell, and which shape it is: 1 + 4 + 3 numbers. The loss is made of ops; gradients come for free.
//
//   node examples/detection.mjs --epochs 10 --samples 1500 --seed 7 --threads 2

import { parseArgs } from "node:util";
import { configure, layers, ops, optimizers, sequential, setSeed, tensor } from "wasmgrad";
import { classes, drawShapes } from "./shapes/draw.mjs";

const { values: options } = parseArgs({
  options: {
    epochs: { type: "string", default: "10" },
    samples: { type: "string", default: "1500" },
    seed: { type: "string", default: "7" },
    threads: { type: "string", default: "auto" },
  },
});
const seed = Number(options.seed);
configure({ threads: options.threads === "auto" ? "auto" : Number(options.threads) });
setSeed(seed);

const [size, cells] = [64, 8];
const cellSize = size / cells;
const numbers = 5 + classes.length;
const [train, test] = [pictures(Number(options.samples), 2 * seed), pictures(200, 2 * seed + 1)];

const block = (filters) => [
  layers.conv2D({ filters, kernelSize: 3, padding: "same", useBias: false }),
  layers.batchNormalization({ momentum: 0.9 }),
  layers.reLU(),
];
const model = sequential([
  layers.inputLayer({ shape: [size, size, 1] }),
  ...block(16),
  layers.maxPooling2D(),
  ...block(32),
  layers.maxPooling2D(),
  ...block(64),
  layers.maxPooling2D(),
  ...block(64),
  layers.conv2D({ filters: numbers, kernelSize: 1 }),
]);
model.compile({ optimizer: optimizers.adam({ learningRate: 0.003 }), loss: detectionLoss });
console.log(`${model.countParams()} parameters`);

const started = performance.now();
await model.fit(train.x, train.y, { batchSize: 16, epochs: Number(options.epochs), validationData: [test.x, test.y] });
console.log(`trained in ${((performance.now() - started) / 1000).toFixed(1)} s`);

const output = model.predict(test.x, { batchSize: 50 });
const found = test.boxes.map((_, index) => withoutDoubles(decode(output.data, index)));
const { precisions, overlap } = measure(found, test.boxes);
classes.forEach((name, kind) => {
  console.log(`AP@0.5 of ${name.padEnd(8)} ${precisions[kind].toFixed(4)}`);
});
console.log(`mean AP@0.5: ${(precisions.reduce((sum, each) => sum + each, 0) / classes.length).toFixed(4)}`);
console.log(`mean IoU of matched boxes: ${overlap.toFixed(4)}`);

const shown = test.boxes.findIndex((boxes) => boxes.length === 3);
const sides = [picture(test.boxes[shown]), picture(found[shown].filter(({ score }) => score > 0.5))];
console.log(`\n${"as it is".padEnd(size + 2)}as predicted`);
for (let line = 0; line < size / 2; line++) console.log(sides.map((lines) => lines[line]).join("  "));

/** Pictures x [count, size, size, 1], and what the network shall say of each cell: y [count, cells, cells, numbers]. */
function pictures(count, seed) {
  const { images, boxes } = drawShapes({ count, size, seed });
  const targets = new Float32Array(count * cells * cells * numbers);
  boxes.forEach((list, index) => {
    for (const box of list) {
      const column = Math.floor((box.left + box.right) / 2 / cellSize);
      const row = Math.floor((box.top + box.bottom) / 2 / cellSize);
      const [x, y] = [(column + 0.5) * cellSize, (row + 0.5) * cellSize];
      const start = ((index * cells + row) * cells + column) * numbers;
      const distances = [x - box.left, y - box.top, box.right - x, box.bottom - y].map((each) => each / cellSize);
      targets.set([1, ...distances], start);
      targets[start + 5 + box.class] = 1;
    }
  });
  return { x: tensor(images, [count, size, size, 1]), y: tensor(targets, [count, cells, cells, numbers]), boxes };
}

/**
 * For each picture: the cross entropy of "there is a shape" over all cells, and over those with a shape 1 − IoU of the
 * boxes and the cross entropy of the classes. Source of the distances and the loss of overlap: Tian and others, "FCOS:
 * Fully Convolutional One-Stage Object Detection" (2019).
 */
function detectionLoss(yTrue, yPred) {
  const part = (x, begin, count) => ops.slice(x, [0, 0, 0, begin], [-1, -1, -1, count]);
  const present = part(yTrue, 0, 1);
  const presence = ops.sigmoidCrossEntropy(present, part(yPred, 0, 1));
  const overlap = intersectionOverUnion(part(yTrue, 1, 4), ops.exp(part(yPred, 1, 4)));
  const kind = ops.softmaxCrossEntropy(part(yTrue, 5, classes.length), part(yPred, 5, classes.length));
  const ofShapes = ops.add(ops.multiply(2, ops.subtract(1, overlap)), ops.reshape(kind, present.shape));
  return ops.sum(ops.add(presence, ops.multiply(present, ofShapes)), [1, 2, 3]);
}

/** Of boxes around one point, given by the distances of their edges: [..., 4] → [..., 1]. */
function intersectionOverUnion(a, b) {
  const edges = (x) => [0, 1, 2, 3].map((edge) => ops.slice(x, [0, 0, 0, edge], [-1, -1, -1, 1]));
  const area = ([left, top, right, bottom]) => ops.multiply(ops.add(left, right), ops.add(top, bottom));
  const both = area(edges(ops.minimum(a, b)));
  const either = ops.subtract(ops.add(area(edges(a)), area(edges(b))), both);
  return ops.divide(both, ops.add(either, 1e-6));
}

/** The boxes that the cells of a picture tell of, with their scores. */
function decode(data, index) {
  const boxes = [];
  for (let row = 0; row < cells; row++)
    for (let column = 0; column < cells; column++) {
      const start = ((index * cells + row) * cells + column) * numbers;
      const score = 1 / (1 + Math.exp(-data[start]));
      if (score < 0.05) continue;
      const [x, y] = [(column + 0.5) * cellSize, (row + 0.5) * cellSize];
      const [left, top, right, bottom] = Array.from(data.subarray(start + 1, start + 5), (d) => Math.exp(d) * cellSize);
      const kinds = data.subarray(start + 5, start + numbers);
      const kind = kinds.indexOf(Math.max(...kinds));
      boxes.push({ left: x - left, top: y - top, right: x + right, bottom: y + bottom, class: kind, score });
    }
  return boxes;
}

/** The surest of boxes that overlap by more than half (non-maximum suppression). */
function withoutDoubles(boxes) {
  const kept = [];
  for (const box of boxes.sort((a, b) => b.score - a.score))
    if (kept.every((other) => overlapOf(box, other) < 0.5)) kept.push(box);
  return kept;
}

function overlapOf(a, b) {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  const both = Math.max(0, width) * Math.max(0, height);
  const area = (box) => (box.right - box.left) * (box.bottom - box.top);
  return both / (area(a) + area(b) - both);
}

/**
 * For each class the area under precision over recall, where a box counts as right when it overlaps one of its class, that
 * no surer box has, by half or more; and the mean overlap of those that do.
 */
function measure(found, wanted) {
  const overlaps = [];
  const precisions = classes.map((_, kind) => {
    const candidates = found.flatMap((boxes, index) => boxes.map((box) => ({ box, index })));
    const sorted = candidates.filter(({ box }) => box.class === kind).sort((a, b) => b.box.score - a.box.score);
    const total = wanted.flat().filter((box) => box.class === kind).length;
    const taken = new Set();
    const points = [];
    sorted.forEach(({ box, index }, rank) => {
      const open = wanted[index].filter((each) => each.class === kind && !taken.has(each));
      const best = open.reduce((top, each) => Math.max(top, overlapOf(box, each)), 0);
      if (best < 0.5) return;
      taken.add(open.find((each) => overlapOf(box, each) === best));
      overlaps.push(best);
      points.push(taken.size / (rank + 1));
    });
    // At each recall, the best precision at this or a higher one.
    const envelope = points.map((_, at) => Math.max(...points.slice(at)));
    return envelope.reduce((sum, precision) => sum + precision, 0) / total;
  });
  return { precisions, overlap: overlaps.reduce((sum, each) => sum + each, 0) / overlaps.length };
}

/** Boxes as lines of text; a character is twice as high as wide, so every second row. */
function picture(boxes) {
  const marks = ["o", "#", "^"];
  return Array.from({ length: size / 2 }, (_, line) =>
    Array.from({ length: size }, (_, column) => {
      const on = boxes.find((box) => {
        const [left, right] = [Math.round(box.left), Math.round(box.right) - 1];
        const [top, bottom] = [Math.round(box.top / 2), Math.round(box.bottom / 2) - 1];
        if (column < left || column > right || line < top || line > bottom) return false;
        return column === left || column === right || line === top || line === bottom;
      });
      return on === undefined ? "." : marks[on.class];
    }).join(""),
  );
}
