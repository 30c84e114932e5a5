// How far off are long products? matMul, ops.sum over the products and, where python3 has numpy, its OpenBLAS, against float64.
//
//   npm run build && node benchmarks/longSums.mjs [largest power of ten, default 7]

import { execFileSync } from "node:child_process";
import { uniform } from "./random.mjs";
import { makeScratch } from "./scratch.mjs";
import { compiled, configure, ops, tensor } from "./wasmgrad.mjs";

const largest = Number(process.argv[2] ?? 7);
const rows = 2;
configure({ threads: 1 });

/** Standard normal numbers by Box and Muller's method. */
function normal(length, seed) {
  const [radius, angle] = [uniform(length, 2 ** -24, 1, seed), uniform(length, 0, 2 * Math.PI, seed + 1)];
  return radius.map((value, index) => Math.sqrt(-2 * Math.log(value)) * Math.cos(angle[index]));
}

const kinds = [
  { title: "uniform(0, 1) · 1", a: (count) => uniform(count, 0, 1, 1), b: (count) => new Float32Array(count).fill(1) },
  { title: "0.1 · 1", a: (count) => new Float32Array(count).fill(0.1), b: (count) => new Float32Array(count).fill(1) },
  { title: "normal · normal", a: (count) => normal(count, 1), b: (count) => normal(count, 3) },
];

// C = A·Bᵀ for A, B [rows, k] and the products of first rows as vectors.
const inPython = `
import sys, numpy
a, b = [numpy.fromfile(f, dtype=numpy.float32).reshape(${rows}, -1) for f in sys.argv[1:3]]
numpy.concatenate([(a @ b.T).ravel(), [numpy.dot(a[0], b[0])]]).astype(numpy.float32).tofile(sys.argv[3])
`;

const product = compiled((a, b) => ops.matMul(a, b, { transposeB: true }));
const rowProduct = compiled((a, b) => ops.matMul(a, b));
const sums = compiled((a, b) => ops.sum(ops.multiply(a, b), 1));
const scratch = makeScratch();
let numpy = true;

/** Σ x·y and Σ |x·y| of row i of a and row j of b in float64, with products rounded to float32 for `sum`. */
function exactly(a, b, k, i, j, round) {
  let [total, lost, mass] = [0, 0, 0];
  for (let p = 0; p < k; p++) {
    const exact = a[i * k + p] * b[j * k + p];
    const value = round ? Math.fround(exact) : exact;
    const next = total + value;
    lost += Math.abs(total) >= Math.abs(value) ? total - next + value : value - next + total;
    total = next;
    mass += Math.abs(value);
  }
  return { total: total + lost, mass };
}

console.log("| terms | K | matMul | vector · matrix | ops.sum | OpenBLAS gemm | OpenBLAS dot |");
console.log("| --- | --- | --- | --- | --- | --- | --- |");
for (const { title, a: makeA, b: makeB } of kinds)
  for (let power = 2; power <= largest; power++) {
    const k = 10 ** power;
    const [a, b] = [makeA(rows * k), makeB(rows * k)];
    const wanted = Array.from({ length: rows * rows }, (_, place) =>
      exactly(a, b, k, (place / rows) | 0, place % rows, false),
    );
    const off = (values, targets) =>
      Math.max(
        ...Array.from(values, (value, place) => Math.abs(value - targets[place].total) / targets[place].mass),
      ).toExponential(1);
    const [left, right] = [tensor(a, [rows, k]), tensor(b, [rows, k])];
    const cells = [
      off(product(left, right).data, wanted),
      off(rowProduct(tensor(a.subarray(0, k), [1, k]), tensor(b.subarray(0, k), [k, 1])).data, wanted),
      off(
        sums(left, right).data,
        Array.from({ length: rows }, (_, row) => exactly(a, b, k, row, row, true)),
      ),
    ];
    if (numpy)
      try {
        const files = [scratch.write("a", a), scratch.write("b", b)];
        execFileSync("python3", ["-c", inPython, ...files, scratch.path("out")], {
          stdio: ["ignore", "ignore", "pipe"],
        });
        const values = scratch.read("out");
        cells.push(off(values.subarray(0, rows * rows), wanted), off(values.subarray(rows * rows), wanted));
      } catch {
        numpy = false;
      }
    while (cells.length < 5) cells.push("–");
    console.log(`| ${title} | 10^${power} | ${cells.join(" | ")} |`);
  }
scratch.remove();
