// Random networks: what they predict, and the weights after one step of gradient descent, against float64.

import fc from "fast-check";
import { engine } from "../../bindings/engine.ts";
import * as layers from "../../bindings/layers/index.ts";
import type { Layer } from "../../bindings/layers/layer.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { sgd } from "../../bindings/optimizers.ts";
import type { Shape, Tensor } from "../../bindings/tensor.ts";
import { generator } from "../harness/random.ts";
import { at, build, elementwise, fromTensor, type RealArray, reshape, sizeOf } from "./array.ts";
import { expectValues, expectWithin } from "./compare.ts";
import { seeds, tensorOf, within } from "./draw.ts";
import { dense } from "./layers/core.ts";
import { convolve } from "./ops/conv.ts";
import { curves } from "./ops/curves.ts";
import { pooled } from "./ops/pool.ts";
import { alongAxis, mean, reduced, softmax, variance } from "./ops/reductions.ts";
import {
  add,
  apply,
  type Curve,
  differentiate,
  divide,
  exact,
  extremum,
  multiply,
  type Real,
  rounded,
  scale,
  subtract,
  sum,
} from "./real.ts";
import { type Subject, subject, type Tally } from "./subject.ts";

/** A layer with what it computes; weights by the last part of their names. */
interface Block {
  readonly make: () => Layer;
  readonly reference: (x: RealArray, weights: Readonly<Record<string, RealArray>>, training: boolean) => RealArray;
}

interface NetworkCase {
  readonly batch: number;
  readonly input: number[];
  /** What each layer is, modulo what fits. */
  readonly layers: [number, number, number][];
  readonly outputs: number;
  readonly seed: number;
}

type Activation = "linear" | "relu" | "tanh" | "sigmoid";
const activations: readonly Activation[] = ["linear", "relu", "tanh", "sigmoid"];
const activated = (x: RealArray, activation: Activation): RealArray =>
  activation === "linear" ? x : elementwise((each) => apply(curves[activation] as Curve, each), [x]);

/** (x − mean) / √(variance + epsilon) · gamma + beta of each line of numbers. */
function standardized(line: readonly Real[], epsilon: number, centre: Real, spread: Real): Real[] {
  const factor = apply(curves.rsqrt as Curve, add(spread, rounded(epsilon)));
  return line.map((each) => multiply(subtract(each, centre), factor));
}

function scaled(x: RealArray, gamma: RealArray, beta: RealArray): RealArray {
  return build(x.shape, (position, index) => {
    const channel = [position.at(-1) as number];
    return add(multiply(x.data[index] as Real, at(gamma, channel)), at(beta, channel));
  });
}

const denseBlock = (units: number, activation: Activation): Block => ({
  make: () => layers.dense({ units, activation }),
  reference: (x, { kernel, bias }) => dense(x, kernel as RealArray, bias, activation),
});

/** Layers that take [batch, steps, channels] or [batch, height, width, channels]. */
function spatialBlock(kind: number, choice: number, shape: Shape): Block | undefined {
  const spatial = shape.slice(1, -1);
  const rank = spatial.length;
  if (kind === 0) {
    const filters = 1 + (choice % 5);
    const kernelSize = 1 + (choice % 3);
    const padding = choice % 2 === 0 ? "same" : "valid";
    const strides = 1 + (Math.floor(choice / 2) % 2);
    if (padding === "valid" && spatial.some((size) => size < kernelSize)) return undefined;
    const activation = activations[choice % 4] as Activation;
    const options = { filters, kernelSize, padding, strides, activation } as const;
    return {
      make: () => (rank === 1 ? layers.conv1D(options) : layers.conv2D(options)),
      reference: (x, { kernel, bias }) => {
        const axes = x.shape.slice(1, -1).map((size) => {
          const total =
            padding === "same" ? Math.max((Math.ceil(size / strides) - 1) * strides + kernelSize - size, 0) : 0;
          const before = Math.floor(total / 2);
          return {
            size,
            taps: kernelSize,
            stride: strides,
            dilation: 1,
            padding: [before, total - before] as [number, number],
          };
        });
        const y = convolve(x, kernel as RealArray, axes, 1);
        return activated(
          build(y.shape, (position, index) =>
            add(y.data[index] as Real, at(bias as RealArray, [position.at(-1) as number])),
          ),
          activation,
        );
      },
    };
  }
  if (kind === 1) {
    if (spatial.some((size) => size < 2)) return undefined;
    const axes = spatial.map((size) => ({ size, window: 2, stride: 2, padding: [0, 0] as [number, number] }));
    if (choice % 2 === 0)
      return {
        make: () => (rank === 1 ? layers.maxPooling1D({ poolSize: 2 }) : layers.maxPooling2D({ poolSize: 2 })),
        reference: (x) => pooled(x, axes, (cells) => extremum(cells, (a, b) => a > b, "first")),
      };
    return {
      make: () => (rank === 1 ? layers.averagePooling1D({ poolSize: 2 }) : layers.averagePooling2D({ poolSize: 2 })),
      reference: (x) => pooled(x, axes, (cells) => divide(sum(cells), exact(cells.length))),
    };
  }
  return {
    make: () => (rank === 1 ? layers.globalAveragePooling1D() : layers.globalAveragePooling2D()),
    reference: (x) => reduced(x, { axes: x.shape.map((_, axis) => axis).slice(1, -1), keepDims: false }, mean),
  };
}

function block([kind, choice, second]: readonly [number, number, number], shape: Shape): Block | undefined {
  const spatial = shape.length > 2;
  switch (kind % 9) {
    case 0:
      return denseBlock(1 + (choice % 7), activations[second % 4] as Activation);
    case 1:
    case 2:
    case 3:
      return spatial ? spatialBlock(kind % 3, choice, shape) : denseBlock(1 + (choice % 7), "relu");
    case 4: {
      const activation = activations[1 + (choice % 3)] as Activation;
      return { make: () => layers.activation({ activation }), reference: (x) => activated(x, activation) };
    }
    case 5:
      return {
        make: () => layers.layerNormalization(),
        reference: (x, { gamma, beta }) =>
          scaled(
            alongAxis(x, -1, (line) => standardized(line, 1e-3, mean(line), variance(line))),
            gamma as RealArray,
            beta as RealArray,
          ),
      };
    case 6:
      return {
        make: () => layers.batchNormalization(),
        reference: (x, weights, training) => {
          const axes = x.shape.map((_, axis) => axis).slice(0, -1);
          const means = training ? reduced(x, { axes, keepDims: false }, mean) : (weights.moving_mean as RealArray);
          const variances = training
            ? reduced(x, { axes, keepDims: false }, variance)
            : (weights.moving_variance as RealArray);
          const y = build(x.shape, (position, index) => {
            const channel = [position.at(-1) as number];
            return standardized([x.data[index] as Real], 1e-3, at(means, channel), at(variances, channel))[0] as Real;
          });
          return scaled(y, weights.gamma as RealArray, weights.beta as RealArray);
        },
      };
    case 7:
      return { make: () => layers.softmax(), reference: (x) => alongAxis(x, -1, softmax) };
    default:
      return spatial
        ? {
            make: () => layers.flatten(),
            reference: (x) => reshape(x, [x.shape[0] as number, sizeOf(x.shape.slice(1))]),
          }
        : { make: () => layers.dropout({ rate: 0 }), reference: (x) => x };
  }
}

const lastPart = (name: string): string => name.slice(name.lastIndexOf("/") + 1);
const rate = 0.0625;

function checkNetwork(given: NetworkCase, tally: Tally): void {
  engine().poisoned = true;
  tally.cases++;
  const next = generator(given.seed);
  const x = tensorOf({ shape: [given.batch, ...given.input] }, next);
  // The shapes that layers pass on are found by the reference itself, on zeros.
  const blocks: Block[] = [];
  const chosen: Layer[] = [];
  let shape: Shape = [1, ...given.input];
  const push = (each: Block | undefined): void => {
    if (each === undefined) return;
    const made = each.make();
    made.build([shape]);
    const zeros = Object.fromEntries(made.weights.map((weight) => [lastPart(weight.name), fromTensor(weight.value)]));
    shape = each.reference(
      build(shape, () => exact(0)),
      zeros,
      false,
    ).shape;
    blocks.push(each);
    chosen.push(made);
  };
  for (const each of given.layers) push(block(each, shape));
  if (shape.length > 2) push(block([8, 0, 0], shape));
  push(denseBlock(given.outputs, "linear"));
  const network = sequential([layers.inputLayer({ shape: given.input }), ...chosen]);
  const first = chosen.map((each) =>
    each.weights.map((weight) =>
      tensorOf(
        { shape: weight.shape, draw: weight.name.endsWith("variance") ? within(0.5, 2) : within(-0.8, 0.8) },
        next,
      ),
    ),
  );
  const forward = (training: boolean): { weights: Record<string, RealArray>[]; result: RealArray } => {
    const weights = chosen.map((each, index) =>
      Object.fromEntries(
        each.weights.map(({ name }, place) => [lastPart(name), fromTensor(first[index]?.[place] as Tensor)]),
      ),
    );
    const result = blocks.reduce(
      (value, each, index) => each.reference(value, weights[index] as Record<string, RealArray>, training),
      fromTensor(x),
    );
    return { weights, result };
  };
  chosen.forEach((each, index) => {
    each.setWeights(first[index] as Tensor[]);
  });
  expectWithin(network.predict(x), forward(false).result, "prediction");

  tally.gradients++;
  const target = tensorOf({ shape: [given.batch, given.outputs] }, next);
  network.compile({ optimizer: sgd({ learningRate: rate }), loss: "meanSquaredError" });
  const { loss } = network.trainOnBatch(x, target);
  const { weights, result } = forward(true);
  const wanted = fromTensor(target);
  const losses = result.data.map((each, index) => {
    const away = subtract(each, wanted.data[index] as Real);
    return multiply(away, away);
  });
  const total = scale(sum(losses), 1 / losses.length);
  if (!(Math.abs(loss - total.value) <= total.bound + 2 ** -22 * Math.abs(total.value)))
    throw new Error(`loss: ${loss}, the reference ${total.value} ± ${total.bound}`);
  differentiate([total], [exact(1)]);
  chosen.forEach((each, index) => {
    each.weights.forEach(({ name, trainable }, place) => {
      if (!trainable) return;
      const before = (weights[index] as Record<string, RealArray>)[lastPart(name)] as RealArray;
      const values = before.data.map(({ value, adjoint }) => value - rate * adjoint);
      const bounds = before.data.map(
        ({ value, adjoint, adjointBound }) =>
          rate * adjointBound + 2 ** -23 * (Math.abs(value) + Math.abs(rate * adjoint)),
      );
      expectValues(each.getWeights()[place] as Tensor, values, bounds, `${name} after a step`);
    });
  });
  network.dispose();
}

export const networkSubjects: readonly Subject[] = [
  subject<NetworkCase>({
    name: "network",
    kind: "network",
    cases: fc.record({
      batch: fc.integer({ min: 1, max: 4 }),
      input: fc.oneof(
        fc.tuple(fc.integer({ min: 1, max: 9 })) as fc.Arbitrary<number[]>,
        fc.tuple(fc.integer({ min: 2, max: 9 }), fc.integer({ min: 1, max: 4 })) as fc.Arbitrary<number[]>,
        fc.tuple(
          fc.integer({ min: 2, max: 6 }),
          fc.integer({ min: 2, max: 6 }),
          fc.integer({ min: 1, max: 3 }),
        ) as fc.Arbitrary<number[]>,
      ),
      layers: fc.array(fc.tuple(fc.nat(8), fc.nat(11), fc.nat(11)), { maxLength: 5, size: "max" }),
      outputs: fc.integer({ min: 1, max: 4 }),
      seed: seeds,
    }),
    check: checkNetwork,
  }),
];
