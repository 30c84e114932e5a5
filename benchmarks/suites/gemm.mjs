// How fast is a matrix product, and what is that of the peak of 128-bit SIMD, measured in turns with it?

import { timeInTurns } from "../interleave.mjs";
import { uniform } from "../random.mjs";
import { median } from "../report.mjs";
import { startSession } from "../session.mjs";

const square = [64, 128, 256, 512, 960, 1024].map((size) => [size, size, size, ""]);
const forward = [
  [32, 784, 128, ""],
  [128, 784, 128, ""],
  [32, 128, 64, ""],
];
const weightGradient = [
  [784, 32, 128, "TN"],
  [784, 128, 128, "TN"],
  [128, 32, 64, "TN"],
];
const inputGradient = [
  [32, 64, 128, "NT"],
  [128, 64, 128, "NT"],
];

/** m × k × n, which operand is stored transposed, and a name. */
const products = [...square, ...forward, ...weightGradient, ...inputGradient].map(([m, k, n, transposed]) => ({
  m,
  k,
  n,
  transposeA: transposed === "TN",
  transposeB: transposed === "NT",
  name: `${m}x${k}x${n}${transposed === "" ? "" : `-${transposed}`}`,
}));

export const suite = {
  title: "Matrix products, C = A·B",
  metric: "gflops",
  unit: "GFLOP/s",
  better: /** @type {const} */ ("higher"),
  cases: products.map(({ name }) => name),

  /** @param {import("../run.mjs").Setting} setting */
  async run({ sessions, quick, cases, scratch, row, fail, note }) {
    const peak = await startSession("simd-peak", 1);
    const { operations } = await peak.ask("preparePeak");
    /** @type {number[]} */
    const peaks = [];
    const pace = quick ? { warmUp: 60, rounds: 7, milliseconds: 15 } : { warmUp: 250, rounds: 21, milliseconds: 25 };
    for (const product of products.filter(({ name }) => cases.includes(name))) {
      const { m, k, n, name } = product;
      const repetitions = new Map();
      const contenders = await prepared(product, sessions, scratch, repetitions, (engine, error) =>
        fail(name, engine, error),
      );
      const samples = await timeInTurns([...contenders, peak], pace);
      const peakRates = (samples.get(peak.engine) ?? []).map((milliseconds) => operations / milliseconds / 1e6);
      peaks.push(...peakRates);
      for (const { engine } of contenders) {
        const work = 2 * m * k * n * repetitions.get(engine);
        const rates = (samples.get(engine) ?? []).map((milliseconds) => work / milliseconds / 1e6);
        const fraction = median(rates.map((rate, round) => rate / peakRates[round])); // of the same round: clocks drift
        row(name, engine, rates, [{ metric: "peakFraction", title: "of peak", value: fraction, unit: "fraction" }]);
      }
    }
    await peak.stop();
    note(
      `Peak of 128-bit SIMD, multiplications and additions in registers, one thread, measured in turns with the products: ${median(peaks).toFixed(1)} GFLOP/s. Fused multiply-add and wider registers (native engines) can go beyond it.`,
      "Operands are in place; onnxruntime and tfjs-wasm have B packed beforehand. TN: A is stored [k, m]. NT: B is stored [n, k]. Each result was compared with a naive product in f64.",
    );
    return { peakGflops: median(peaks) };
  },
};

/** The sessions that computed the product right, ready to be timed. */
async function prepared(product, sessions, scratch, repetitions, fail) {
  const { m, k, n } = product;
  const a = uniform(m * k, 0, 1, 1);
  const b = uniform(k * n, 0, 1, 2);
  const expected = naiveProduct(product, a, b);
  const task = { product, a: scratch.write("a", a), b: scratch.write("b", b), result: scratch.path("c") };
  const contenders = [];
  for (const session of sessions) {
    try {
      const answer = await session.ask("prepareMatMul", task);
      check(scratch.read("c"), expected, k);
      repetitions.set(session.engine, answer.repetitions);
      contenders.push(session);
    } catch (error) {
      fail(session.engine, error);
    }
  }
  return contenders;
}

/** With operands in [0, 1) any order of summation is within k · 2⁻²⁴, relative (Higham, 2002, section 3.1). */
function check(actual, expected, k) {
  if (actual.length !== expected.length)
    throw new Error(`expected ${expected.length} values, received ${actual.length}`);
  const tolerance = (k + 1) * 2 ** -24;
  const wrong = expected.findIndex((value, index) => !(Math.abs(actual[index] - value) <= tolerance * value));
  if (wrong >= 0) throw new Error(`wrong result: at ${wrong} expected ${expected[wrong]}, received ${actual[wrong]}`);
}

function naiveProduct({ m, k, n, transposeA, transposeB }, a, b) {
  const result = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    const row = result.subarray(i * n, (i + 1) * n);
    for (let l = 0; l < k; l++) {
      const left = transposeA ? a[l * m + i] : a[i * k + l];
      if (transposeB) for (let j = 0; j < n; j++) row[j] += left * b[j * k + l];
      else for (let j = 0; j < n; j++) row[j] += left * b[l * n + j];
    }
  }
  return result;
}
