// Dense layers.

import fc from "fast-check";
import * as layers from "../../../bindings/layers/index.ts";
import { at, build, type RealArray } from "../array.ts";
import { seeds, shapes, sizes } from "../draw.ts";
import { layer } from "../layer.ts";
import { curves } from "../ops/curves.ts";
import { add, apply, type Curve, dot } from "../real.ts";
import type { Subject } from "../subject.ts";

interface DenseCase {
  readonly shape: number[];
  readonly units: number;
  readonly useBias: boolean;
  readonly activation: "linear" | "relu" | "tanh" | "sigmoid";
  readonly seed: number;
}

/** x·W + b over the last axis, then the activation. */
export function dense(x: RealArray, kernel: RealArray, bias: RealArray | undefined, activation: string): RealArray {
  const units = kernel.shape[1] as number;
  const inputs = kernel.shape[0] as number;
  return build([...x.shape.slice(0, -1), units], (position) => {
    const unit = position.at(-1) as number;
    const row = Array.from({ length: inputs }, (_, index) => at(x, [...position.slice(0, -1), index]));
    const column = Array.from({ length: inputs }, (_, index) => at(kernel, [index, unit]));
    const sum = dot(row, column);
    const shifted = bias === undefined ? sum : add(sum, at(bias, [unit]));
    return activation === "linear" ? shifted : apply(curves[activation] as Curve, shifted);
  });
}

export const coreSubjects: readonly Subject[] = [
  layer<DenseCase>({
    name: "dense",
    cases: fc.record({
      shape: shapes({ min: 2, max: 4 }, 20, 300).filter((shape) => (shape.at(-1) as number) > 0),
      units: sizes(33, 1),
      useBias: fc.boolean(),
      activation: fc.constantFrom<DenseCase["activation"]>("linear", "relu", "tanh", "sigmoid"),
      seed: seeds,
    }),
    make: ({ units, useBias, activation }) => layers.dense({ units, useBias, activation }),
    inputs: ({ shape }) => [{ shape }],
    reference: ({ useBias, activation }, [x], { kernel, bias }) =>
      dense(x as RealArray, kernel as RealArray, useBias ? bias : undefined, activation),
  }),
];
