// What do operations say of nothing: tensors with an axis of size 0?

import { describe, expect, it } from "vitest";
import { setCutting } from "../../bindings/engine.ts";
import {
  compiled,
  ops,
  type SymbolicTensor,
  type Tensor,
  TensorError,
  tensor,
  valueAndGrad,
  zeros,
} from "../../bindings/index.ts";
import { compileGraph, traceGraph } from "../harness/runGraph.ts";

type Case = readonly [title: string, apply: (...given: SymbolicTensor[]) => SymbolicTensor, inputs: readonly Tensor[]];

const none = (...shape: number[]): Tensor => zeros(shape);
const whole = (...shape: number[]): Tensor => zeros(shape, "int32");

/** Numbers lie where the next program will: what it does not write shows. */
function leaveNumbers(): void {
  const numbers = Float32Array.from({ length: 4096 }, () => 777.25);
  ops.add(numbers, 1);
  ops.sort(numbers);
}

const cases: readonly (readonly [...Case, shape: readonly number[], values: readonly number[]])[] = [
  ["sort", (x) => ops.sort(x), [none(2, 0)], [2, 0], []],
  ["argSort", (x) => ops.argSort(x, 0), [none(0, 3)], [0, 3], []],
  ["topK", (x) => ops.topK(x, 0), [none(2, 0)], [2, 0], []],
  ["flatten", (x) => ops.flatten(x), [none(0, 2, 3)], [0, 6], []],
  ["product", (x) => ops.product(x, 0), [none(0, 2)], [2], [1, 1]],
  ["logSumExp", (x) => ops.logSumExp(x, 1), [none(2, 0)], [2], [-Infinity, -Infinity]],
  ["mean", (x) => ops.mean(x, 1), [none(2, 0)], [2], [Number.NaN, Number.NaN]],
  ["cumsum", (x) => ops.cumsum(x), [none(2, 0)], [0], []],
  ["sparsemax", (x) => ops.sparsemax(x), [none(2, 0)], [2, 0], []],
  ["softmax", (x) => ops.softmax(x), [none(2, 0)], [2, 0], []],
  ["softmaxCrossEntropy", (x, y) => ops.softmaxCrossEntropy(x, y), [none(2, 0), none(2, 0)], [2], [0, 0]],
  ["sparseSoftmaxCrossEntropy", (x, y) => ops.sparseSoftmaxCrossEntropy(x, y), [whole(0), none(0, 3)], [0], []],
  ["takeAlongAxis", (x, at) => ops.takeAlongAxis(x, at, 1), [none(2, 3), whole(2, 0)], [2, 0], []],
  ["takeAlongAxis of nothing", (x, at) => ops.takeAlongAxis(x, at, 1), [none(2, 0), whole(2, 0)], [2, 0], []],
  ["multiHot", (x) => ops.multiHot(x, 3), [whole(2, 0)], [2, 3], [0, 0, 0, 0, 0, 0]],
  ["bincount", (x) => ops.bincount(x, 3), [whole(2, 0)], [2, 3], [0, 0, 0, 0, 0, 0]],
  ["histogram's counts", (x) => ops.histogram(x, 2)[0], [none(0)], [2], [0, 0]],
  ["histogram's edges", (x) => ops.histogram(x, 2)[1], [none(0)], [3], [0, 0.5, 1]],
  ["diff", (x) => ops.diff(x), [none(0)], [0], []],
  ["diff of more than there are", (x) => ops.diff(x, 3), [tensor([1, 2])], [0], []],
  ["trapezoid", (x) => ops.trapezoid(x), [none(0)], [], [0]],
  ["vander", (x) => ops.vander(x), [none(0)], [0, 0], []],
  ["Q of no columns", (x) => ops.qr(x)[0], [none(3, 0)], [3, 0], []],
  ["R of no rows", (x) => ops.qr(x)[1], [none(0, 3)], [0, 3], []],
  ["singularValues", (x) => ops.singularValues(x), [none(0, 3)], [0], []],
  ["U of full matrices", (x) => ops.svd(x, true)[0], [none(2, 0)], [2, 2], [1, 0, 0, 1]],
  ["eigh", (x) => ops.eigh(x)[1], [none(2, 0, 0)], [2, 0, 0], []],
  ["inv", (x) => ops.inv(x), [none(0, 0)], [0, 0], []],
  ["det", (x) => ops.det(x), [none(0, 0)], [], [1]],
  ["slogdet", (x) => ops.slogdet(x)[1], [none(0, 0)], [], [0]],
  ["cholesky", (x) => ops.cholesky(x), [none(0, 0)], [0, 0], []],
  ["luFactor", (x) => ops.luFactor(x)[0], [none(2, 0, 0)], [2, 0, 0], []],
  ["solve", (a, b) => ops.solve(a, b), [none(0, 0), none(0, 2)], [0, 2], []],
  ["pinv", (x) => ops.pinv(x), [none(0, 3)], [3, 0], []],
  ["matrixRank", (x) => ops.matrixRank(x), [none(2, 0)], [], [0]],
  ["ctcLoss", (l, x, a, b) => ops.ctcLoss(l, x, a, b), [whole(0, 2), none(0, 4, 3), whole(0), whole(0)], [0], []],
];

describe("of nothing", () => {
  it.each(cases)("%s has its value, and gradients of zeros", (_, apply, inputs, shape, values) => {
    leaveNumbers();
    const result = compiled(apply)(...inputs);
    expect(result.shape).toEqual(shape);
    expect(Array.from(result.data)).toEqual(values);
    const floats = inputs.map(({ dtype }, place) => (dtype === "float32" ? place : -1)).filter((place) => place >= 0);
    if (result.dtype !== "float32" || floats.length === 0) return;
    leaveNumbers();
    const { gradients } = valueAndGrad((...given: SymbolicTensor[]) =>
      ops.sum(
        apply(...inputs.map((input, place) => given[floats.indexOf(place)] ?? (input as unknown as SymbolicTensor))),
      ),
    )(...floats.map((place) => inputs[place] as Tensor));
    expect((gradients as readonly Tensor[]).map((each) => each.shape)).toEqual(
      floats.map((place) => inputs[place]?.shape),
    );
    for (const gradient of gradients as readonly Tensor[]) expect(gradient.data.every((each) => each === 0)).toBe(true);
  });

  it.each([
    ["max", () => ops.max(none(2, 0), 1), "axis 1"],
    ["argMin", () => ops.argMin(none(0, 2), 0), "axis 0"],
    ["median", () => ops.median(none(2, 0), 1), "axis 1"],
    ["percentile", () => ops.percentile(none(0, 2), 30, 0), "axis 0"],
    ["ptp", () => ops.ptp(none(0)), "axis 0"],
    ["nanMax", () => ops.nanMax(none(2, 0), 1), "axis 1"],
    ["norm", () => ops.norm(none(2, 0), Number.POSITIVE_INFINITY, 1), "axis 1"],
  ] as const)("%s names itself and the axis", (name, call, axis) => {
    expect(call).toThrow(TensorError);
    expect(call).toThrow(new RegExp(`^${name}: expected at least one element along ${axis}`));
  });

  it("max along another axis is empty", () => {
    expect(ops.max(none(0, 3), 1).shape).toEqual([0]);
  });

  it.each([
    ["a sum over no element", (x: SymbolicTensor) => ops.sum(x, 1), none(2, 0)],
    [
      "a largest window of no channel",
      (x: SymbolicTensor) => ops.maxPool(x, { poolSize: [1], strides: [1], padding: [[0, 0]] }),
      none(2, 3, 0),
    ],
    ["rows of no element", (x: SymbolicTensor) => ops.gather(x, [1, 0]), none(2, 0)],
  ] as const)("%s is cut into chunks that can be counted, beside what many threads share", (_, apply, x) => {
    const large = none(300, 1000);
    const traced = traceGraph([x, large], (a, b) => [apply(a as SymbolicTensor), ops.exp(b as SymbolicTensor)]);
    const program = compileGraph(traced);
    const [wordsPerInstruction, grain] = [32, 2];
    const grains = Array.from(
      { length: program.code.instructionCount },
      (__, index) => program.code.words[index * wordsPerInstruction + grain],
    );
    expect(grains.length).toBeGreaterThan(1);
    expect(grains.slice(1).every((each) => (each as number) >= 1)).toBe(true);
    setCutting(2);
    try {
      expect(program.run([x, large])[1]?.data[299_999]).toBe(1);
    } finally {
      setCutting(1);
      program.dispose();
    }
  });
});
