// Random functional models: two inputs and outputs, shared layers, residuals; three steps of an optimizer against float64.

import fc from "fast-check";
import { engine, setCutting } from "../../bindings/engine.ts";
import { input } from "../../bindings/layers/core.ts";
import * as layers from "../../bindings/layers/index.ts";
import type { Layer } from "../../bindings/layers/layer.ts";
import { model } from "../../bindings/models/functional.ts";
import { adam, sgd } from "../../bindings/optimizers.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { generator } from "../harness/random.ts";
import { at, build, elementwise, fromTensor, type RealArray } from "./array.ts";
import { expectSameBits, expectValues, expectWithin } from "./compare.ts";
import { type Draw, seeds, tensorOf, whole, within } from "./draw.ts";
import { dense } from "./layers/core.ts";
import { curves } from "./ops/curves.ts";
import { alongAxis, mean, root, softmax } from "./ops/reductions.ts";
import {
  add,
  apply,
  type Curve,
  differentiate,
  divide,
  dot,
  exact,
  multiply,
  negate,
  Real,
  rounded,
  scale,
  subtract,
  sum,
} from "./real.ts";
import { type Subject, subject, type Tally } from "./subject.ts";

type Front = "dense" | "depthwise" | "separable" | "embedding";
type Loss = "meanSquaredError" | "categoricalCrossentropy" | "sparseCategoricalCrossentropy" | "binaryCrossentropy";

interface FunctionalCase {
  readonly batch: number;
  readonly front: Front;
  readonly width: number;
  readonly classes: number;
  readonly loss: Loss;
  readonly secondLoss: Loss;
  readonly optimizer: "sgd" | "momentum" | "nesterov" | "adam";
  readonly weighted: boolean;
  readonly seed: number;
}

const steps = 3;
const tokens = 6;
const rate = 0.0625;

/** A layer with its reference; weights in their order. */
interface Part {
  readonly layer: Layer;
  readonly reference: (x: RealArray, weights: readonly RealArray[]) => RealArray;
}

const denseOf = (units: number, activation: "linear" | "tanh" | "relu" | "sigmoid" | "softmax"): Part => ({
  layer: layers.dense({ units, activation }),
  reference: (x, [kernel, bias]) => {
    if (activation !== "softmax") return dense(x, kernel as RealArray, bias, activation);
    return alongAxis(dense(x, kernel as RealArray, bias, "linear"), -1, softmax);
  },
});

/** Each channel under `multiplier` filters of 2 × 2 of its own, without padding. */
function depthwise(x: RealArray, kernel: RealArray): RealArray {
  const [batch, rows, columns, channels] = x.shape as [number, number, number, number];
  const multiplier = kernel.shape[3] as number;
  return build([batch, rows - 1, columns - 1, channels * multiplier], (position) => {
    const [image, row, column, out] = position as [number, number, number, number];
    const [channel, filter] = [Math.floor(out / multiplier), out % multiplier];
    const taps = [0, 1, 2, 3].map((tap): readonly [number, number] => [tap >> 1, tap & 1]);
    return dot(
      taps.map(([r, c]) => at(x, [image, row + r, column + c, channel])),
      taps.map(([r, c]) => at(kernel, [r, c, channel, filter])),
    );
  });
}
const shifted = (x: RealArray, bias: RealArray): RealArray =>
  elementwise((a, b) => add(a as Real, b as Real), [x, bias]);

/** What the first input goes through before it is a vector. */
function frontOf(kind: Front): { shape: number[]; parts: Part[]; draw?: Draw } {
  const pooled: Part = {
    layer: kind === "embedding" ? layers.globalAveragePooling1D() : layers.globalAveragePooling2D(),
    reference: (x) =>
      build([x.shape[0] as number, x.shape.at(-1) as number], ([image, channel]) =>
        mean(
          x.data.filter((_, index) => {
            const size = x.data.length / (x.shape[0] as number);
            return Math.floor(index / size) === image && index % (x.shape.at(-1) as number) === channel;
          }),
        ),
      ),
  };
  if (kind === "dense") return { shape: [5], parts: [] };
  if (kind === "embedding")
    return {
      shape: [4],
      draw: whole(0, tokens - 1),
      parts: [
        {
          layer: layers.embedding({ inputDim: tokens, outputDim: 3 }),
          reference: (x, [table]) =>
            build([...x.shape, 3], (position) =>
              at(table as RealArray, [at(x, position.slice(0, -1)).value, position.at(-1) as number]),
            ),
        },
        pooled,
      ],
    };
  const part: Part =
    kind === "depthwise"
      ? {
          layer: layers.depthwiseConv2D({ kernelSize: 2, depthMultiplier: 2 }),
          reference: (x, [kernel, bias]) => shifted(depthwise(x, kernel as RealArray), bias as RealArray),
        }
      : {
          layer: layers.separableConv2D({ filters: 3, kernelSize: 2 }),
          reference: (x, [kernel, pointwise, bias]) => {
            const [, , rows, columns] = (pointwise as RealArray).shape;
            const matrix = { ...(pointwise as RealArray), shape: [rows as number, columns as number] };
            return dense(depthwise(x, kernel as RealArray), matrix, bias, "linear");
          },
        };
  return { shape: [4, 3, 2], parts: [part, pooled] };
}

/** The losses of the samples. */
function lossesOf(kind: Loss, target: RealArray, y: RealArray): Real[] {
  const [batch, size] = y.shape as [number, number];
  const log = curves.log as Curve;
  return Array.from({ length: batch }, (_, sample) => {
    const row = (of: RealArray): Real[] => of.data.slice(sample * size, (sample + 1) * size);
    const found = row(y);
    if (kind === "sparseCategoricalCrossentropy")
      return negate(apply(log, found[(target.data[sample] as Real).value] as Real));
    const wanted = row(target);
    if (kind === "categoricalCrossentropy")
      return negate(
        dot(
          wanted,
          found.map((each) => apply(log, each)),
        ),
      );
    return mean(
      found.map((each, index) => {
        const label = wanted[index] as Real;
        if (kind === "meanSquaredError") {
          const away = subtract(each, label);
          return multiply(away, away);
        }
        const one = exact(1);
        return negate(
          add(multiply(label, apply(log, each)), multiply(subtract(one, label), apply(log, subtract(one, each)))),
        );
      }),
    );
  });
}

const activationFor = { meanSquaredError: "linear", binaryCrossentropy: "sigmoid" } as const;

function makeModel(given: FunctionalCase) {
  const { front: kind, width, classes, loss, secondLoss, optimizer } = given;
  const front = frontOf(kind);
  const last = (of: Loss): Part =>
    denseOf(classes, (activationFor as Readonly<Record<string, "linear" | "sigmoid">>)[of] ?? "softmax");
  const [first, second, shared] = [denseOf(width, "tanh"), denseOf(width, "sigmoid"), denseOf(width, "tanh")];
  const [firstHead, secondHead] = [last(loss), last(secondLoss)];
  const left = input({ shape: front.shape, ...(kind === "embedding" ? { dtype: "int32" as const } : {}) });
  const right = input({ shape: [3] });
  const a = first.layer.apply(front.parts.reduce((x, { layer }) => layer.apply(x), left));
  const b = second.layer.apply(right);
  const residual = layers.add().apply([a, shared.layer.apply(a)]);
  const joined = layers.concatenate().apply([residual, layers.dropout({ rate: 0 }).apply(shared.layer.apply(b))]);
  const network = model({
    inputs: { left, right },
    outputs: { one: firstHead.layer.apply(joined), two: secondHead.layer.apply(residual) },
  });
  network.compile({
    optimizer:
      optimizer === "adam"
        ? adam({ learningRate: rate })
        : sgd({
            learningRate: rate,
            ...(optimizer === "sgd" ? {} : { momentum: 0.75, nesterov: optimizer === "nesterov" }),
          }),
    loss: { one: loss, two: secondLoss },
  });
  return { network, front, first, second, shared, firstHead, secondHead };
}
type Made = ReturnType<typeof makeModel>;

const partsOf = ({ front, first, second, shared, firstHead, secondHead }: Made): Part[] => [
  ...front.parts,
  first,
  second,
  shared,
  firstHead,
  secondHead,
];

/** Both outputs. */
function forward(made: Made, left: RealArray, right: RealArray, weights: ReadonlyMap<Part, readonly RealArray[]>) {
  const run = (part: Part, x: RealArray): RealArray => part.reference(x, weights.get(part) ?? []);
  const a = run(
    made.first,
    made.front.parts.reduce((x, part) => run(part, x), left),
  );
  const b = run(made.second, right);
  const residual = elementwise((x, y) => add(x as Real, y as Real), [a, run(made.shared, a)]);
  const sharedB = run(made.shared, b);
  const width = residual.shape[1] as number;
  const joined = build([residual.shape[0] as number, 2 * width], ([row, column]) =>
    (column as number) < width
      ? at(residual, [row as number, column as number])
      : at(sharedB, [row as number, (column as number) - width]),
  );
  return { one: run(made.firstHead, joined), two: run(made.secondHead, residual) };
}

/** A weight after a step, from its gradient; `state` is what the optimizer remembers of it. */
function moved(given: FunctionalCase, weight: Real, gradient: Real, state: Real[], step: number): Real {
  const learned = rounded(rate);
  if (given.optimizer === "sgd") return subtract(weight, multiply(gradient, learned));
  if (given.optimizer === "adam") {
    const [beta1, beta2] = [0.9, 0.999];
    const kept = (from: Real, to: Real, beta: number): Real =>
      add(multiply(from, rounded(beta)), multiply(to, rounded(1 - beta)));
    const m = kept(state[0] ?? exact(0), gradient, beta1);
    const v = kept(state[1] ?? exact(0), multiply(gradient, gradient), beta2);
    state[0] = m;
    state[1] = v;
    // By expm1 and log1p, which do not cancel: about ten roundings.
    const exactAlpha = (rate * Math.sqrt(1 - beta2 ** step)) / (1 - beta1 ** step);
    const alpha = new Real(exactAlpha, exactAlpha * 2 ** -20);
    return subtract(weight, divide(multiply(m, alpha), add(root(v), rounded(1e-7))));
  }
  const change = multiply(gradient, learned);
  const momentum = exact(0.75);
  const velocity = subtract(multiply(state[0] ?? exact(0), momentum), change);
  state[0] = velocity;
  return add(weight, given.optimizer === "nesterov" ? subtract(multiply(velocity, momentum), change) : velocity);
}

function targetOf(kind: Loss, { batch, classes }: FunctionalCase, next: () => number): Tensor {
  if (kind === "sparseCategoricalCrossentropy")
    return tensorOf({ shape: [batch], dtype: "int32", draw: whole(0, classes - 1) }, next);
  if (kind === "meanSquaredError") return tensorOf({ shape: [batch, classes] }, next);
  if (kind === "binaryCrossentropy") return tensorOf({ shape: [batch, classes], draw: whole(0, 1) }, next);
  const data = new Float32Array(batch * classes);
  for (let row = 0; row < batch; row++) data[row * classes + Math.floor(next() * classes)] = 1;
  return tensor(data, [batch, classes]);
}

async function checkFunctional(given: FunctionalCase, tally: Tally): Promise<void> {
  engine().poisoned = true;
  tally.cases++;
  const next = generator(given.seed);
  const made = makeModel(given);
  const { network, front } = made;
  const parts = partsOf(made);
  const left = tensorOf(
    {
      shape: [given.batch, ...front.shape],
      ...(front.draw === undefined ? {} : { dtype: "int32" as const, draw: front.draw }),
    },
    next,
  );
  const right = tensorOf({ shape: [given.batch, 3] }, next);
  const x = { left, right };
  const y = { one: targetOf(given.loss, given, next), two: targetOf(given.secondLoss, given, next) };
  const sampleWeight = tensorOf({ shape: [given.batch], draw: within(0, 2) }, next);
  const byOutput = given.weighted ? { one: sampleWeight, two: sampleWeight } : undefined;
  const begin = new Map(
    parts.map((part) => [
      part,
      part.layer.weights.map(({ shape }) => tensorOf({ shape, draw: within(-0.8, 0.8) }, next)),
    ]),
  );
  const reset = (to: Made): void =>
    partsOf(to).forEach(({ layer }, index) => {
      layer.setWeights(begin.get(parts[index] as Part) ?? []);
    });
  const weightsOf = (of: Made): Tensor[] => partsOf(of).flatMap(({ layer }) => layer.getWeights());
  reset(made);

  let weights = new Map([...begin].map(([part, values]) => [part, values.map(fromTensor)]));
  const states = new Map<RealArray | string, Real[]>();
  const predictions = forward(made, fromTensor(left), fromTensor(right), weights);
  const predicted = network.predict(x);
  expectWithin(predicted.one, predictions.one, "first prediction");
  expectWithin(predicted.two, predictions.two, "second prediction");
  tally.gradients++;
  for (let step = 1; step <= steps; step++) {
    const { loss } = network.trainOnBatch(x, y, byOutput);
    const outputs = forward(made, fromTensor(left), fromTensor(right), weights);
    const total = (["one", "two"] as const)
      .map((name) => {
        const losses = lossesOf(name === "one" ? given.loss : given.secondLoss, fromTensor(y[name]), outputs[name]);
        const weighted = given.weighted
          ? losses.map((each, sample) => multiply(each, exact(sampleWeight.data[sample] as number)))
          : losses;
        return scale(sum(weighted), 1 / losses.length);
      })
      .reduce((a, b) => add(a, b));
    if (!(Math.abs(loss - total.value) <= total.bound + 2 ** -22 * Math.abs(total.value)))
      throw new Error(`loss of step ${step}: ${loss}, the reference ${total.value} ± ${total.bound}`);
    differentiate([total], [exact(1)]);
    weights = new Map(
      [...weights].map(([part, arrays]) => [
        part,
        arrays.map((array, place) =>
          build(array.shape, (_, index) => {
            const before = array.data[index] as Real;
            const key = `${parts.indexOf(part)} ${place} ${index}`;
            const state = states.get(key) ?? [];
            states.set(key, state);
            const after = moved(
              given,
              new Real(before.value, before.bound),
              new Real(before.adjoint, before.adjointBound),
              state,
              step,
            );
            state.forEach((each, slot) => {
              state[slot] = new Real(each.value, each.bound);
            });
            return new Real(after.value, after.bound);
          }),
        ),
      ]),
    );
    for (const [part, arrays] of weights)
      part.layer.weights.forEach(({ name }, place) => {
        const { data } = arrays[place] as RealArray;
        expectValues(
          part.layer.getWeights()[place] as Tensor,
          data.map(({ value }) => value),
          data.map(({ bound }) => bound),
          `${name} after step ${step}`,
        );
      });
  }
  const found = weightsOf(made);
  network.dispose();

  const fitted = makeModel(given);
  reset(fitted);
  await fitted.network.fit(x, y, {
    epochs: steps,
    batchSize: given.batch,
    shuffle: false,
    verbose: 0,
    ...(byOutput === undefined ? {} : { sampleWeight: byOutput }),
  });
  expectSameBits(weightsOf(fitted), found, "weights after fit");
  fitted.network.dispose();
  // Compiling takes most of the time: half of the cases are cut for each.
  const threads = 2 + (given.seed % 2);
  const cut = makeModel(given);
  reset(cut);
  setCutting(threads);
  try {
    for (let step = 0; step < steps; step++) cut.network.trainOnBatch(x, y, byOutput);
  } finally {
    setCutting(1);
  }
  expectSameBits(weightsOf(cut), found, `weights, cut for ${threads} threads`);
  cut.network.dispose();
}

const losses = fc.constantFrom<Loss>(
  "meanSquaredError",
  "categoricalCrossentropy",
  "sparseCategoricalCrossentropy",
  "binaryCrossentropy",
);

export const functionalNetworkSubjects: readonly Subject[] = [
  subject<FunctionalCase>({
    name: "functional network",
    kind: "network",
    cases: fc.record({
      batch: fc.integer({ min: 1, max: 4 }),
      front: fc.constantFrom<Front>("dense", "depthwise", "separable", "embedding"),
      width: fc.integer({ min: 1, max: 5 }),
      classes: fc.integer({ min: 2, max: 4 }),
      loss: losses,
      secondLoss: losses,
      optimizer: fc.constantFrom<FunctionalCase["optimizer"]>("sgd", "momentum", "nesterov", "adam", "adam"),
      weighted: fc.boolean(),
      seed: seeds,
    }),
    check: checkFunctional,
  }),
];
