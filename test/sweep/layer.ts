// Is a layer right on a case? Its result, its gradients with respect to inputs and weights, and the weights it changes.

import type fc from "fast-check";
import { engine } from "../../bindings/engine.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import type { Layer } from "../../bindings/layers/layer.ts";
import { setSeed } from "../../bindings/seed.ts";
import type { Shape, Tensor } from "../../bindings/tensor.ts";
import { generator } from "../harness/random.ts";
import { fromTensor, type RealArray } from "./array.ts";
import { expectWithin } from "./compare.ts";
import { type Draw, type Drawn, tensorOf, tensorsOf, within } from "./draw.ts";
import { checkLaws, expectRefusal } from "./op.ts";
import { type Subject, subject, type Tally } from "./subject.ts";

/** Weights by the last part of their names. */
export type Weights = Readonly<Record<string, RealArray>>;

/** A layer, its random options and inputs, and what it computes in float64. */
export interface LayerSubject<C extends { readonly seed: number }> {
  /** The name of the factory, and what is special: `conv2D, causal`. */
  readonly name: string;
  readonly cases: fc.Arbitrary<C>;
  /** A new layer with the options of the case. Where the case must be refused, it may throw. */
  readonly make: (given: C) => Layer;
  /** Batch first. */
  readonly inputs: (given: C) => readonly Drawn[];
  /** Whether the last of the inputs is the mask of the only other one, a bool. Default false. */
  readonly masked?: (given: C) => boolean;
  /** What `setSeed` is given before each run. Default: the seed of the case. */
  readonly globalSeed?: (given: C) => number;
  /** Whether the layer keeps the weights that `make` gave it, as after `adapt`. Default false: they are drawn. */
  readonly keepsWeights?: boolean;
  /** How weights are drawn, by the last part of their names. Default: ±1. */
  readonly weights?: (given: C) => Readonly<Record<string, Draw>>;
  /** Whether the layer must refuse the case. Default false. */
  readonly refuses?: (given: C) => boolean;
  /** Plain loops in float64. */
  readonly reference: (given: C, inputs: readonly RealArray[], weights: Weights) => RealArray;
  /** Weights that a call in training changes, as they are afterwards. */
  readonly after?: (given: C, inputs: readonly RealArray[], weights: Weights) => Weights;
  /** Default false. */
  readonly training?: (given: C) => boolean;
  /** Whether gradients are compared. Default true. */
  readonly gradient?: (given: C) => boolean;
  /** The shapes of all weights, by the last part of their names, as Keras has them. Default: not looked at. */
  readonly shapes?: (given: C) => Readonly<Record<string, Shape>>;
  /** Factor on the bounds, with the reason beside it. */
  readonly slack?: number;
}

const lastPart = (name: string): string => name.slice(name.lastIndexOf("/") + 1);

/** The subject that checks a layer. */
export function layer<C extends { readonly seed: number }>(of: LayerSubject<C>): Subject {
  return subject<C>({
    name: of.name,
    kind: "layer",
    cases: of.cases,
    check: (given, tally) => checkLayer(of, given, tally),
  });
}

function checkLayer<C extends { readonly seed: number }>(of: LayerSubject<C>, given: C, tally: Tally): void {
  engine().poisoned = true;
  const values = tensorsOf(of.inputs(given), given.seed);
  const inputs = values.map(fromTensor);
  const training = of.training?.(given) ?? false;
  const masked = of.masked?.(given) ?? false;
  const apply = (to: Layer, each: readonly SymbolicTensor[]): SymbolicTensor => {
    const [mask, given] = masked ? [each.at(-1), each.slice(0, -1)] : [undefined, each];
    return to.apply((given.length === 1 ? given[0] : given) as SymbolicTensor, {
      training,
      ...(mask === undefined ? {} : { mask }),
    });
  };
  tally.cases++;
  if (of.refuses?.(given) === true) {
    expectRefusal(() => apply(of.make(given), values as unknown as SymbolicTensor[]));
    tally.refused++;
    return;
  }
  const { made, first } = buildLayer(of, given, masked ? values.slice(0, -1) : values);
  const weights = Object.fromEntries(
    made.weights.map(({ name }, index) => [lastPart(name), fromTensor(first[index] as Tensor)]),
  );
  checkLaws(
    {
      call: (each) => [apply(made, each)],
      values,
      reals: inputs,
      variables: made.trainableWeights.map((variable) => [variable, weights[lastPart(variable.name)] as RealArray]),
      expected: [of.reference(given, inputs, weights)],
      differentiable: of.gradient?.(given) !== false,
      seed: given.seed,
      reset: () => {
        made.setWeights(first);
        setSeed(of.globalSeed?.(given) ?? given.seed);
      },
      slack: of.slack,
      // Winograd's algorithm has bounds of its own: test/ops/convWinograd.test.ts.
      passes: { algorithms: false, foldScales: false },
      slackOnValues: 16,
    },
    tally,
  );
  const shapes = of.shapes?.(given);
  if (shapes !== undefined) {
    const found = Object.fromEntries(made.weights.map(({ name, shape }) => [lastPart(name), shape]));
    if (JSON.stringify(found) !== JSON.stringify(shapes))
      throw new Error(`weights ${JSON.stringify(found)}, the reference has ${JSON.stringify(shapes)}`);
  }
  const after = training ? (of.after?.(given, inputs, weights) ?? {}) : {};
  made.weights.forEach(({ name }, index) => {
    const wanted = after[lastPart(name)] ?? fromTensor(first[index] as Tensor);
    expectWithin(made.getWeights()[index] as Tensor, wanted, `${name} afterwards`, of.slack);
  });
}

/** The layer with weights of the case's seed. */
function buildLayer<C extends { readonly seed: number }>(
  of: LayerSubject<C>,
  given: C,
  values: readonly Tensor[],
): { readonly made: Layer; readonly first: readonly Tensor[] } {
  const made = of.make(given);
  made.build(values.map(({ shape }) => shape));
  if (of.keepsWeights === true) return { made, first: made.getWeights() };
  const draws = of.weights?.(given) ?? {};
  const next = generator(given.seed ^ 0x2545f491);
  const first = made.weights.map(({ name, shape, dtype }) =>
    tensorOf({ shape, dtype, draw: draws[lastPart(name)] ?? within(-1, 1) }, next),
  );
  return { made, first };
}
