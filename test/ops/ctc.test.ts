// Are the probabilities of labels those of all their alignments, and what do frames spell?

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compiled, grad, valueAndGrad } from "../../bindings/compiled.ts";
import { constant, type SymbolicTensor } from "../../bindings/graph.ts";
import { ctcLoss as symbolicLoss } from "../../bindings/ops/ctc.ts";
import { ctcDecode, ctcLoss, multiply, sum } from "../../bindings/ops/index.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { describeOp, expectTensorError, type InputSpec, type OpCase } from "../harness/describeOp.ts";

const lengths = (...values: number[]): InputSpec => ({ shape: [values.length], dtype: "int32", values });
const labels = (length: number, ...values: number[]): InputSpec => ({
  shape: [values.length / Math.max(1, length), length],
  dtype: "int32",
  values,
});
const loss = (blank?: number): OpCase["apply"] => {
  return (...inputs) => {
    const [output, target, ...both] = inputs as [SymbolicTensor, SymbolicTensor, SymbolicTensor, SymbolicTensor];
    return symbolicLoss(target, output, ...(both as [SymbolicTensor, SymbolicTensor]), blank);
  };
};

describeOp(
  "ctcLoss",
  [
    {
      title: "of repeated labels and others",
      apply: loss(),
      inputs: [{ shape: [3, 7, 4] }, labels(3, 1, 2, 0, 3, 3, 1, 2, 2, 2), lengths(2, 3, 3), lengths(7, 7, 7)],
      shape: [3],
    },
    {
      title: "of fewer frames than there are",
      apply: loss(),
      inputs: [{ shape: [4, 6, 3] }, labels(2, 1, 2, 2, 9, 1, 1, -1, 5), lengths(2, 1, 2, 0), lengths(2, 6, 3, 4)],
      shape: [4],
    },
    {
      title: "with the last class as blank",
      apply: loss(4),
      inputs: [{ shape: [2, 5, 5] }, labels(2, 0, 0, 1, 3), lengths(2, 2), lengths(5, 4)],
      shape: [2],
    },
    {
      title: "of one frame and one class",
      apply: loss(),
      inputs: [{ shape: [1, 1, 1] }, labels(1, 0), lengths(0), lengths(1)],
      shape: [1],
    },
    ...[1, 3, 4, 7, 8].map(
      (length): OpCase => ({
        title: `of as many frames as labels, ${length}`,
        apply: loss(),
        inputs: [
          { shape: [1, length, 9] },
          labels(length, ...Array.from({ length }, (_, place) => 1 + place)),
          lengths(length),
          lengths(length),
        ],
        shape: [1],
      }),
    ),
    {
      title: "of ±10³",
      apply: loss(),
      inputs: [{ shape: [1, 3, 2], values: [1e3, -1e3, -1e3, 1e3, 1e3, -1e3] }, labels(1, 1), lengths(1), lengths(3)],
      shape: [1],
    },
  ],
  [
    {
      title: "labels of another batch",
      call: () => ctcLoss([[1]], [[[1, 2]], [[1, 2]]], [1, 1], [1, 1]),
      code: "shape",
      text: "ctcLoss: expected labels [batch, length], logits [batch, frames, classes] and lengths [batch] of both, received [1, 1], [2, 1, 2], [2], [2]",
    },
    {
      title: "a blank that is no class",
      call: () => ctcLoss([[1]], [[[1, 2]]], [1], [1], 2),
      code: "option",
      text: "ctcLoss.maskIndex: expected a class below 2, received 2",
    },
    {
      title: "labels without end",
      call: () => symbolicLoss(constant([Array(9001).fill(1)]), [[[1, 2]]], [1], [1]),
      code: "shape",
      text: "at most 9000 labels, received labels [1, 9001] and logits [1, 1, 2]",
    },
  ],
);

// All paths -----------------------------------------------------------------------------------------------------------

/** What a path of classes spells. */
function spelled(path: readonly number[], blank: number): number[] {
  return path.filter((each, frame) => each !== blank && each !== path[frame - 1]);
}

/** −ln of the sum over all paths and its gradient, path by path, in float64. */
function byEnumeration(logits: readonly (readonly number[])[], target: readonly number[], blank: number) {
  const shares = logits.map((row) => {
    const powers = row.map((each) => Math.exp(each - Math.max(...row)));
    const total = powers.reduce((a, b) => a + b);
    return powers.map((each) => each / total);
  });
  const classes = logits[0]?.length ?? 1;
  const visits = shares.map((row) => row.map(() => 0));
  let total = 0;
  for (let code = 0; code < classes ** logits.length; code++) {
    const path = logits.map((_, frame) => Math.floor(code / classes ** frame) % classes);
    if (spelled(path, blank).join() !== target.join()) continue;
    const probability = path.reduce((product, each, frame) => product * (shares[frame]?.[each] as number), 1);
    total += probability;
    path.forEach((each, frame) => {
      (visits[frame] as number[])[each] = (visits[frame]?.[each] as number) + probability;
    });
  }
  const gradient = shares.map((row, frame) => row.map((p, each) => p - (visits[frame]?.[each] as number) / total));
  return { value: -Math.log(total), gradient: total > 0 ? gradient : shares.map((row) => row.map(() => 0)) };
}

const losses = valueAndGrad((x: SymbolicTensor, y: SymbolicTensor, n: SymbolicTensor, t: SymbolicTensor) =>
  sum(symbolicLoss(y, x, n, t, 1)),
);

describe("ctcLoss", () => {
  it("is the sum over all paths, and its gradient the share of those through each class", () => {
    const sample = fc.record({
      logits: fc.array(fc.array(fc.integer({ min: -40, max: 40 }), { minLength: 4, maxLength: 4 }), {
        minLength: 5,
        maxLength: 5,
      }),
      target: fc.array(fc.constantFrom(0, 2, 3), { maxLength: 4 }),
      frames: fc.integer({ min: 0, max: 5 }),
    });
    fc.assert(
      fc.property(sample, ({ logits, target, frames }) => {
        const given = logits.map((row) => row.map((each) => each / 8));
        const expected = byEnumeration(given.slice(0, frames), target, 1);
        const row = Int32Array.from({ length: 4 }, (_, place) => target[place] ?? 7);
        const found = losses([given], tensor(row, [1, 4]), Int32Array.of(target.length), Int32Array.of(frames));
        const [gradient] = (found.gradients[0] as Tensor).array() as number[][][];
        if (expected.value === Number.POSITIVE_INFINITY) expect(found.value.item()).toBe(expected.value);
        else expect(Math.abs(found.value.item() - expected.value)).toBeLessThan(2e-6 * (1 + expected.value));
        for (let frame = 0; frame < 5; frame++)
          for (let each = 0; each < 4; each++)
            expect(
              Math.abs((gradient?.[frame]?.[each] as number) - (expected.gradient[frame]?.[each] ?? 0)),
            ).toBeLessThan(1e-6);
      }),
      { numRuns: 150, seed: 7 },
    );
  });

  it("keeps its digits over 3,000 frames", () => {
    // Of equal probabilities every path counts the same: n labels, no two neighbours equal, fit in C(t + n, 2n) ways.
    const [frames, length] = [3000, 40];
    let ways = 0;
    for (let i = 1; i <= 2 * length; i++) ways += Math.log((frames + length - 2 * length + i) / i);
    const logits = tensor(new Float32Array(frames * 4), [1, frames, 4]);
    const row = Int32Array.from({ length }, (_, place) => 2 + (place % 2));
    const { value, gradients } = losses(logits, tensor(row, [1, length]), Int32Array.of(length), Int32Array.of(frames));
    const expected = frames * Math.log(4) - ways;
    expect(Math.abs(value.item() / expected - 1)).toBeLessThan(3e-6);
    const rows = ((gradients[0] as Tensor).array() as number[][][])[0] as number[][];
    for (const each of rows) expect(Math.abs(each.reduce((a, b) => a + b))).toBeLessThan(3e-7);
    // Reversed frames spell reversed labels: the share of a class is the same from both ends.
    rows.forEach(([, blank = 0], frame) => {
      expect(Math.abs(blank - (rows[frames - 1 - frame]?.[1] as number))).toBeLessThan(1e-5);
    });
  });

  it("is Infinity without gradient where frames do not suffice or a class is ruled out, the others as ever", () => {
    const frame = [0.5, 0, -1];
    const x = [
      [frame, frame, frame],
      [frame, frame, frame],
      [frame, [0, 0, Number.NEGATIVE_INFINITY], frame],
      [
        [0, 0, Number.NEGATIVE_INFINITY],
        [0, 0, Number.NEGATIVE_INFINITY],
        [0, 0, Number.NEGATIVE_INFINITY],
      ],
      [frame, [0, Number.NaN, 0], frame],
    ];
    const y = [
      [0, 0],
      [0, 2],
      [2, 0],
      [2, 0],
      [2, 0],
    ];
    const each = compiled((p: SymbolicTensor) => symbolicLoss(y, p, [2, 2, 1, 1, 1], [2, 3, 3, 3, 3], 1));
    const [twice, , without, ruledOut, unknown] = each(x).array() as number[];
    expect(twice).toBe(Number.POSITIVE_INFINITY);
    expect(ruledOut).toBe(Number.POSITIVE_INFINITY);
    expect(unknown).toBeNaN();
    expect(without).toBeGreaterThan(0);
    const total = valueAndGrad((p: SymbolicTensor) => sum(symbolicLoss(y, p, [2, 2, 1, 1, 1], [2, 3, 3, 3, 3], 1)));
    const gradient = (total(x).gradients[0] as Tensor).array() as number[][][];
    for (const sample of [0, 3]) expect(gradient[sample]?.flat().every((part) => part === 0)).toBe(true);
    for (const sample of [1, 2]) {
      expect(gradient[sample]?.flat().every(Number.isFinite)).toBe(true);
      expect(gradient[sample]?.flat().some((part) => Math.abs(part) > 0.1)).toBe(true);
    }
    expect(gradient[4]?.[1]?.every(Number.isNaN)).toBe(true);
  });

  it("knows logits as far apart as ±10⁴", () => {
    const sure = [
      [-1e4, 1e4, -1e4],
      [-1e4, 1e4, -1e4],
      [-1e4, -1e4, 1e4],
    ];
    const right = losses([sure], [[2]], Int32Array.of(1), Int32Array.of(3));
    expect(right.value.item()).toBe(0);
    const { value, gradients } = losses([sure], [[0, 2]], Int32Array.of(2), Int32Array.of(3));
    expect(value.item()).toBeCloseTo(2e4 - Math.LN2, 2);
    expect((gradients[0] as Tensor).array()).toEqual([
      [
        [-0.5, 0.5, 0],
        [-0.5, 0.5, 0],
        [0, 0, 0],
      ],
    ]);
  });

  it("can be differentiated twice", () => {
    const x = [
      [
        [0.3, -0.2, 0.9],
        [1.1, 0.4, -0.5],
        [-0.7, 0.2, 0.1],
        [0.5, 0.6, -1.2],
      ],
    ];
    const slope = grad((p: SymbolicTensor) => sum(symbolicLoss([[2, 0]], p, [2], [4], 1)));
    const direction = [1, -2, 0.5, 0.3, 1, -1, 2, 0, 1, -0.4, 0.8, 1.5];
    const curved = grad((p: SymbolicTensor) => {
      const inner = grad((q: SymbolicTensor) => sum(symbolicLoss([[2, 0]], q, [2], [4], 1)));
      return sum(multiply(inner(p) as unknown as SymbolicTensor, tensor(direction, [1, 4, 3])));
    });
    const along = (by: number): Float64Array => {
      const moved = x.flat(2).map((each, index) => each + by * (direction[index] as number));
      return Float64Array.from((slope(tensor(moved, [1, 4, 3])) as unknown as Tensor).data);
    };
    const step = 2 ** -6;
    const [before, after] = [along(-step), along(step)];
    Array.from((curved(x) as unknown as Tensor).data).forEach((each, index) => {
      const measured = ((after[index] as number) - (before[index] as number)) / (2 * step);
      expect(Math.abs(each - measured)).toBeLessThan(1e-3);
    });
  });

  it.each([
    ["label", [[1, 3]], [2], [2], "program (ctc): expected an index or label from 0 to 2, received 3 at position 1."],
    ["label", [[-1, 1]], [1], [2], "expected an index or label from 0 to 2, received -1 at position 0."],
    [
      "number of labels",
      [[1, 2]],
      [3],
      [2],
      "targetLength (gather): expected an index or label from 0 to 2, received 3",
    ],
    [
      "number of frames",
      [[1, 2]],
      [2],
      [5],
      "outputLength (gather): expected an index or label from 0 to 2, received 5",
    ],
  ] as const)("stops at a %s that cannot be", (_, target, count, frames, text) => {
    const call = (y: readonly (readonly number[])[], n: readonly number[], t: readonly number[]): Tensor =>
      ctcLoss(
        y,
        [
          [
            [0, 0, 0],
            [0, 0, 0],
          ],
        ],
        n,
        t,
      );
    expectTensorError({ call: () => call(target, count, frames), code: "data", text });
    expect(call([[1, 3]], [1], [1]).item()).toBeCloseTo(Math.log(3), 6);
  });
});

// Decoding ------------------------------------------------------------------------------------------------------------

describe("ctcDecode", () => {
  const rows = [
    [0, 1, 1, 0, 1, 2, 2],
    [2, 2, 0, 0, 1, 1, 3],
    [0, 0, 0, 0, 0, 0, 0],
  ];
  const inputs = rows.map((row) => row.map((best, frame) => [0, 1, 2, 3].map((each) => (each === best ? frame : -1))));

  it("spells the largest class of each frame that counts, as Keras does", () => {
    const [labels, scores] = ctcDecode(inputs, [7, 6, 4]);
    expect(labels.dtype).toBe("int32");
    expect(labels.array()).toEqual([
      [
        [1, 1, 2, -1, -1, -1, -1],
        [2, 1, -1, -1, -1, -1, -1],
        [-1, -1, -1, -1, -1, -1, -1],
      ],
    ]);
    expect(scores.array()).toEqual([[-21], [-15], [-6]]);
  });

  it("keeps neighbours that are equal, and another blank, when told so", () => {
    const [labels] = ctcDecode(inputs, [7, 7, 2], { mergeRepeated: false, maskIndex: 2 });
    expect(labels.array()).toEqual([
      [
        [0, 1, 1, 0, 1, -1, -1],
        [0, 0, 1, 1, 3, -1, -1],
        [0, 0, -1, -1, -1, -1, -1],
      ],
    ]);
  });

  it.each([
    [{ strategy: "beam_search" }, "unsupported", 'ctcDecode: expected the strategy "greedy", received "beam_search"'],
    [{ strategy: "widest" }, "name", "ctcDecode.strategy"],
    [{ maskIndex: 4 }, "option", "ctcDecode.maskIndex: expected a class below 4, received 4"],
    [{ beamWidth: 3 }, "name", "beamWidth"],
  ] as const)("refuses %o", (options, code, text) => {
    expectTensorError({ call: () => ctcDecode(inputs, [7, 7, 7], options as never), code, text });
  });
});
