// How each optimizer changes a weight, in plain loops after Keras 3.16.
//
// Where the library has the same rule twice, as a kernel and in ops, a bound covers both orders of rounding.

import fc from "fast-check";
import type { Shape } from "../../../bindings/tensor.ts";
import { halfUlp } from "../../harness/estimate.ts";
import { sizeOf } from "../array.ts";
import { curves } from "../ops/curves.ts";
import {
  add,
  apply,
  type Curve,
  choose,
  divide,
  dot,
  exact,
  extremum,
  isLess,
  multiply,
  negate,
  Real,
  rounded,
  scale,
  subtract,
  sum,
  zero,
} from "../real.ts";

export type ScheduleName = "exponential" | "staircase" | "inverse" | "pieces";
export type Options = Readonly<Record<string, unknown>>;

export interface OptimizerCase {
  readonly shapes: number[][];
  readonly steps: number;
  readonly own: Options;
  readonly common: Options;
  readonly rate: number | { readonly schedule: ScheduleName };
  readonly seed: number;
}

/** The numbers of one weight. */
export interface Weight {
  readonly name: string;
  readonly shape: Shape;
  values: Real[];
  readonly slots: Map<string, Real[]>;
  average: Real[] | undefined;
  accumulated: Real[];
}

/** What a rule knows in a step. */
export interface Step {
  readonly weight: Weight;
  /** After the decay. */
  readonly values: Real[];
  readonly gradient: Real[];
  readonly rate: Real;
  /** 1 in the first. */
  readonly t: number;
  /** Of this step, of all weights. */
  readonly shared: Map<string, Real>;
  readonly option: (name: string, otherwise: number) => number;
  readonly given: Options;
}

export interface OptimizerRule {
  readonly options: fc.Arbitrary<Options>;
  /** First values of the slots of a weight: of its shape, or of another. */
  readonly slots: (
    weight: { readonly name: string; readonly shape: Shape },
    given: Options,
  ) => Record<string, readonly [start: number, count?: number]>;
  /** New values; slots are replaced in place. */
  readonly update: (step: Step) => Real[];
  readonly weightDecay?: number;
  readonly decayOf?: (weight: Weight, given: Options) => number | null | undefined;
  /** Changes what all weights share, before the first of them. */
  readonly share?: (shared: Map<string, Real>, step: Pick<Step, "t" | "option">) => void;
}

export const one: Real = exact(1);
const larger = (a: number, b: number): boolean => a > b;
const smaller = (a: number, b: number): boolean => a < b;
export const curve = (name: string): Curve => curves[name] as Curve;
const square = (x: Real): Real => multiply(x, x);

/** √x of a number that rounding may have brought below 0 where it is none. */
function root(x: Real): Real {
  const value = Math.sqrt(Math.max(x.value, 0));
  const reach = Math.sqrt(Math.max(x.value + x.bound, 0));
  return new Real(
    value,
    x.bound === 0 ? halfUlp(value) : reach - Math.sqrt(Math.max(x.value - x.bound, 0)) + halfUlp(reach),
  );
}

const magnitude = (x: Real): Real => apply(curve("abs"), x);
export const most = (a: Real, b: Real): Real => extremum([a, b], larger, "first");
export const least = (a: Real, b: Real): Real => extremum([a, b], smaller, "first");
const mean = (terms: readonly Real[]): Real => divide(sum(terms), exact(terms.length));
export const norm = (terms: readonly Real[]): Real => root(dot(terms, terms));

/** A value that may be rounded as either of two formulas is. */
function either(a: Real, b: Real): Real {
  return new Real(a.value, Math.max(a.bound, b.bound + Math.abs(a.value - b.value)));
}

/** kept · average + (1 − kept) · x, in either order. */
function approach(average: Real, x: Real, kept: number): Real {
  const rest = rounded(1 - kept);
  return either(
    add(average, multiply(subtract(x, average), rest)),
    add(multiply(average, rounded(kept)), multiply(x, rest)),
  );
}

/** factorᵗ, as float32 or float64 compute it. */
function powerOf(factor: number, t: number): Real {
  if (factor === 0) return zero;
  return apply(curve("exp"), multiply(apply(curve("log1p"), rounded(factor - 1)), exact(t)));
}
function oneMinusPower(factor: number, t: number): Real {
  if (factor === 0) return one;
  return negate(apply(curve("expm1"), multiply(apply(curve("log1p"), rounded(factor - 1)), exact(t))));
}

/** What the rule makes of each element, given its numbers; slots by name are replaced. */
function elementwise(
  { weight, values, gradient }: Step,
  rule: (parameter: Real, gradient: Real, slots: (name: string) => Real) => Record<string, Real>,
): Real[] {
  const next = values.map((parameter, index) =>
    rule(parameter, gradient[index] as Real, (name) => weight.slots.get(name)?.[index] as Real),
  );
  for (const name of weight.slots.keys())
    if (next[0]?.[name] !== undefined)
      weight.slots.set(
        name,
        next.map((each) => each[name] as Real),
      );
  return next.map((each) => each.parameter as Real);
}

const zeros = (...names: string[]): Record<string, readonly [number]> =>
  Object.fromEntries(names.map((name) => [name, [0] as const]));

// Adam and what follows from it ---------------------------------------------------------------------------------------

/** rate · √(1 − β₂ᵗ) / (1 − β₁ᵗ). */
function correctedRate(rate: Real, t: number, beta1: number, beta2: number): Real {
  return multiply(rate, divide(root(oneMinusPower(beta2, t)), oneMinusPower(beta1, t)));
}

function adamRule(step: Step, beta1: number, beta2: number, rate: Real, amsgrad: boolean): Real[] {
  const alpha = correctedRate(rate, step.t, beta1, beta2);
  const epsilon = rounded(step.option("epsilon", 1e-7));
  return elementwise(step, (parameter, gradient, slots) => {
    const momentum = approach(slots("momentum"), gradient, beta1);
    const velocity = approach(slots("velocity"), square(gradient), beta2);
    const hat = amsgrad ? most(slots("velocity_hat"), velocity) : velocity;
    const moved = subtract(parameter, divide(multiply(momentum, alpha), add(root(hat), epsilon)));
    return { momentum, velocity, velocity_hat: hat, parameter: moved };
  });
}

const betas = fc.record({
  beta1: fc.constantFrom(0, 0.5, 0.9),
  beta2: fc.constantFrom(0.5, 0.99, 0.999),
  epsilon: fc.constantFrom(1e-7, 1e-3),
});
const beta = ({ option }: Step): [number, number] => [option("beta1", 0.9), option("beta2", 0.999)];

const adam: OptimizerRule = {
  options: fc.tuple(betas, fc.boolean()).map(([rest, amsgrad]) => ({ ...rest, amsgrad })),
  slots: (_, { amsgrad }) => zeros("momentum", "velocity", ...(amsgrad === true ? ["velocity_hat"] : [])),
  update: (step) => adamRule(step, ...beta(step), step.rate, step.given.amsgrad === true),
};

/** Weights that Muon leaves to adam. */
const leftToAdam = ({ name, shape }: { readonly name: string; readonly shape: Shape }, given: Options): boolean =>
  shape.length !== 2 ||
  (given.excludeEmbeddings !== false && name.toLowerCase().includes("embedding")) ||
  ((given.excludeLayers as readonly string[] | undefined) ?? []).some((each) => name.includes(each));

type Matrix = Real[][];
const transposed = (x: Matrix): Matrix => (x[0] ?? []).map((_, column) => x.map((row) => row[column] as Real));
/** x · yᵀ. */
const timesTransposed = (x: Matrix, y: Matrix): Matrix => x.map((row) => y.map((other) => dot(row, other)));
const combined = (a: Real, x: Matrix, b: Real, y: Matrix): Matrix =>
  x.map((row, at) => row.map((each, column) => add(multiply(each, a), multiply(y[at]?.[column] as Real, b))));

/** U·Vᵀ of x = U·S·Vᵀ, nearly. */
function orthogonalized(given: Matrix, { option }: Step): Matrix {
  const [rows, columns] = [given.length, given[0]?.length ?? 0];
  const [a, b, c] = [option("muonA", 3.4445), option("muonB", -4.775), option("muonC", 2.0315)].map(rounded) as [
    Real,
    Real,
    Real,
  ];
  let x = rows > columns ? transposed(given) : given;
  const size = add(norm(x.flat()), rounded(1e-7));
  x = x.map((row) => row.map((each) => divide(each, size)));
  for (let count = 0; count < option("nsSteps", 5); count++) {
    const gram = timesTransposed(x, x);
    const polynomial = combined(b, gram, c, timesTransposed(gram, transposed(gram)));
    x = combined(a, x, one, timesTransposed(polynomial, transposed(x)));
  }
  return rows > columns ? transposed(x) : x;
}

export const rules: Readonly<Record<string, OptimizerRule>> = {
  sgd: {
    options: fc.record({ momentum: fc.constantFrom(0, 0.5, 0.9, 1), nesterov: fc.boolean() }),
    slots: (_, { momentum }) => (momentum === 0 ? {} : zeros("momentum")),
    update: (step) =>
      elementwise(step, (parameter, gradient, slots) => {
        const moved = multiply(gradient, step.rate);
        const kept = step.option("momentum", 0);
        if (kept === 0) return { parameter: subtract(parameter, moved) };
        const velocity = subtract(multiply(slots("momentum"), rounded(kept)), moved);
        const ahead = step.given.nesterov === true ? subtract(multiply(velocity, rounded(kept)), moved) : velocity;
        return { momentum: velocity, parameter: add(parameter, ahead) };
      }),
  },
  adam,
  adamw: { ...adam, weightDecay: 0.004 },
  adamax: {
    options: betas,
    slots: () => zeros("momentum", "norm"),
    update: (step) => {
      const [beta1, beta2] = beta(step);
      const alpha = divide(step.rate, oneMinusPower(beta1, step.t));
      return elementwise(step, (parameter, gradient, slots) => {
        const momentum = approach(slots("momentum"), gradient, beta1);
        const size = most(multiply(slots("norm"), rounded(beta2)), magnitude(gradient));
        const divisor = add(size, rounded(step.option("epsilon", 1e-7)));
        return {
          momentum,
          norm: size,
          parameter: subtract(parameter, divide(multiply(momentum, alpha), divisor)),
        };
      });
    },
  },
  nadam: {
    options: betas,
    slots: () => zeros("momentum", "velocity"),
    share: (shared, { t, option }) => {
      const weightOf = (at: number): Real =>
        multiply(subtract(one, scale(powerOf(0.96, at), 0.5)), rounded(option("beta1", 0.9)));
      const [now, next] = [weightOf(t), weightOf(t + 1)];
      const product = multiply(shared.get("product") ?? one, now);
      shared.set("product", product).set("now", now).set("next", next);
    },
    update: (step) => {
      const { rate, shared } = step;
      const [beta1, beta2] = beta(step);
      const [product, now, next] = ["product", "now", "next"].map((name) => shared.get(name) as Real) as [
        Real,
        Real,
        Real,
      ];
      const ofMomentum = multiply(rate, divide(next, subtract(one, multiply(product, next))));
      const ofGradient = multiply(rate, divide(subtract(one, now), subtract(one, product)));
      const correction = oneMinusPower(beta2, step.t);
      return elementwise(step, (parameter, gradient, slots) => {
        const momentum = approach(slots("momentum"), gradient, beta1);
        const velocity = approach(slots("velocity"), square(gradient), beta2);
        const towards = add(multiply(momentum, ofMomentum), multiply(gradient, ofGradient));
        const size = add(root(divide(velocity, correction)), rounded(step.option("epsilon", 1e-7)));
        return { momentum, velocity, parameter: subtract(parameter, divide(towards, size)) };
      });
    },
  },
  lamb: {
    options: betas,
    slots: () => zeros("momentum", "velocity"),
    update: (step) => {
      const [beta1, beta2] = beta(step);
      const moves: Real[] = [];
      const { values } = step;
      elementwise(step, (parameter, gradient, slots) => {
        const momentum = approach(slots("momentum"), gradient, beta1);
        const velocity = approach(slots("velocity"), square(gradient), beta2);
        const size = root(divide(velocity, oneMinusPower(beta2, step.t)));
        const divisor = add(size, rounded(step.option("epsilon", 1e-7)));
        moves.push(divide(divide(momentum, oneMinusPower(beta1, step.t)), divisor));
        return { momentum, velocity, parameter };
      });
      const [ofWeight, ofMove] = [norm(values), norm(moves)];
      const ratio = ofWeight.value > 0 && ofMove.value > 0 ? divide(ofWeight, ofMove) : one;
      return values.map((each, at) => subtract(each, multiply(moves[at] as Real, multiply(ratio, step.rate))));
    },
  },
  lion: {
    options: fc.record({ beta1: fc.constantFrom(0.5, 0.9), beta2: fc.constantFrom(0, 0.9, 0.99) }),
    slots: () => zeros("momentum"),
    update: (step) => {
      const [beta1, beta2] = [step.option("beta1", 0.9), step.option("beta2", 0.99)];
      return elementwise(step, (parameter, gradient, slots) => {
        const old = slots("momentum");
        const direction = add(multiply(old, rounded(beta1)), multiply(gradient, rounded(1 - beta1)));
        const certain = isLess(zero, direction) !== undefined;
        const sign = choose(certain ? true : undefined, exact(Math.sign(direction.value)), zero);
        return {
          momentum: approach(old, gradient, beta2),
          parameter: subtract(parameter, multiply(sign, step.rate)),
        };
      });
    },
  },
  rmsprop: {
    options: fc.record({
      rho: fc.constantFrom(0.5, 0.9),
      momentum: fc.constantFrom(0, 0.9),
      epsilon: fc.constantFrom(1e-7, 1e-2),
      centered: fc.boolean(),
    }),
    slots: (_, { momentum, centered }) =>
      zeros("velocity", ...(momentum === 0 ? [] : ["momentum"]), ...(centered === true ? ["average_gradient"] : [])),
    update: (step) =>
      elementwise(step, (parameter, gradient, slots) => {
        const rho = step.option("rho", 0.9);
        const velocity = approach(slots("velocity"), square(gradient), rho);
        const average = step.given.centered === true ? approach(slots("average_gradient"), gradient, rho) : zero;
        const variance = step.given.centered === true ? subtract(velocity, square(average)) : velocity;
        const size = root(add(variance, rounded(step.option("epsilon", 1e-7))));
        const moved = divide(multiply(gradient, step.rate), size);
        const kept = step.option("momentum", 0);
        const total = kept === 0 ? moved : add(multiply(slots("momentum"), rounded(kept)), moved);
        return { velocity, average_gradient: average, momentum: total, parameter: subtract(parameter, total) };
      }),
  },
  adagrad: {
    options: fc.record({ initialAccumulatorValue: fc.constantFrom(0.01, 0.1), epsilon: fc.constantFrom(1e-7, 1e-2) }),
    slots: (_, { initialAccumulatorValue }) => ({ accumulator: [Math.fround(initialAccumulatorValue as number)] }),
    update: (step) =>
      elementwise(step, (parameter, gradient, slots) => {
        const accumulator = add(slots("accumulator"), square(gradient));
        const size = root(add(accumulator, rounded(step.option("epsilon", 1e-7))));
        return { accumulator, parameter: subtract(parameter, divide(multiply(gradient, step.rate), size)) };
      }),
  },
  adadelta: {
    options: fc.record({ rho: fc.constantFrom(0.5, 0.95), epsilon: fc.constantFrom(1e-5, 1e-2) }),
    slots: () => zeros("accumulated_grad", "accumulated_delta_var"),
    update: (step) =>
      elementwise(step, (parameter, gradient, slots) => {
        const [rho, epsilon] = [step.option("rho", 0.95), rounded(step.option("epsilon", 1e-7))];
        const squares = approach(slots("accumulated_grad"), square(gradient), rho);
        const old = slots("accumulated_delta_var");
        const moved = divide(multiply(root(add(old, epsilon)), gradient), root(add(squares, epsilon)));
        return {
          accumulated_grad: squares,
          accumulated_delta_var: approach(old, square(moved), rho),
          parameter: subtract(parameter, multiply(moved, step.rate)),
        };
      }),
  },
  adafactor: {
    options: fc.record({
      beta2Decay: fc.constantFrom(-0.8, -0.5),
      epsilon1: fc.constantFrom(1e-30, 1e-3),
      epsilon2: fc.constantFrom(1e-3, 0.5),
      clipThreshold: fc.constantFrom(0.5, 1),
      relativeStep: fc.boolean(),
    }),
    slots: ({ shape }): Record<string, readonly [number, number?]> => {
      if (shape.length < 2) return zeros("velocity");
      const [rows, columns] = shape.slice(-2) as [number, number];
      const count = sizeOf(shape) / (rows * columns);
      return { row: [0, count * rows], column: [0, count * columns] };
    },
    update: (step) => {
      const { weight, values, gradient, t } = step;
      const renewed =
        t === 1
          ? one
          : apply(curve("exp"), multiply(apply(curve("log"), exact(t)), rounded(step.option("beta2Decay", -0.8))));
      const mixed = (old: Real, x: Real): Real => add(old, multiply(subtract(x, old), renewed));
      const squares = gradient.map((each) => add(square(each), rounded(step.option("epsilon1", 1e-30))));
      let sizes: Real[];
      if (weight.slots.has("velocity")) {
        const velocity = squares.map((each, at) => mixed(weight.slots.get("velocity")?.[at] as Real, each));
        weight.slots.set("velocity", velocity);
        sizes = velocity.map(root);
      } else {
        const [rows, columns] = weight.shape.slice(-2) as [number, number];
        const row = (weight.slots.get("row") as Real[]).map((old, at) =>
          mixed(old, mean(squares.slice(at * columns, (at + 1) * columns))),
        );
        const column = (weight.slots.get("column") as Real[]).map((old, at) => {
          const [matrix, place] = [Math.floor(at / columns), at % columns];
          const entries = Array.from(
            { length: rows },
            (_, index) => squares[(matrix * rows + index) * columns + place] as Real,
          );
          return mixed(old, mean(entries));
        });
        weight.slots.set("row", row).set("column", column);
        sizes = squares.map((_, at) => {
          const line = Math.floor(at / columns);
          const matrix = Math.floor(line / rows);
          const average = mean(row.slice(matrix * rows, (matrix + 1) * rows));
          const ofColumn = column[matrix * columns + (at % columns)] as Real;
          return multiply(root(divide(row[line] as Real, average)), root(ofColumn));
        });
      }
      const rms = (x: readonly Real[]): Real => root(mean(x.map(square)));
      const raw = gradient.map((each, at) => divide(each, sizes[at] as Real));
      const limit = most(divide(rms(raw), rounded(step.option("clipThreshold", 1))), one);
      const rate = least(step.rate, divide(one, root(exact(t))));
      const factor = multiply(most(rms(values), rounded(step.option("epsilon2", 1e-3))), rate);
      return values.map((each, at) => subtract(each, multiply(divide(raw[at] as Real, limit), factor)));
    },
  },
  ftrl: {
    options: fc.record({
      learningRatePower: fc.constantFrom(-0.5, -1, 0),
      initialAccumulatorValue: fc.constantFrom(0.1, 0.5),
      l1RegularizationStrength: fc.constantFrom(0, 0.05),
      l2RegularizationStrength: fc.constantFrom(0, 0.1),
      l2ShrinkageRegularizationStrength: fc.constantFrom(0, 0.1),
      beta: fc.constantFrom(0, 0.3),
    }),
    slots: (_, { initialAccumulatorValue }) => ({
      accumulator: [Math.fround(initialAccumulatorValue as number)],
      linear: [0],
    }),
    update: (step) =>
      elementwise(step, (parameter, gradient, slots) => {
        const { option, rate } = step;
        const [l1, l2] = [rounded(option("l1RegularizationStrength", 0)), option("l2RegularizationStrength", 0)];
        const shrinkage = rounded(2 * option("l2ShrinkageRegularizationStrength", 0));
        const before = slots("accumulator");
        const accumulator = add(before, square(gradient));
        const power = option("learningRatePower", -0.5);
        const raised = (x: Real): Real => (power === 0 ? one : power === -1 ? x : root(x));
        const [now, old] = [accumulator, before].map((x) => divide(raised(x), rate)) as [Real, Real];
        const pulled = add(gradient, multiply(parameter, shrinkage));
        const linear = add(slots("linear"), subtract(pulled, multiply(subtract(now, old), parameter)));
        const quadratic = add(now, add(divide(rounded(option("beta", 0)), rate), rounded(2 * l2)));
        const clipped = least(most(linear, negate(l1)), l1);
        const moved = divide(subtract(clipped, linear), quadratic);
        return { accumulator, linear, parameter: choose(isLess(l1, magnitude(linear)), moved, zero) };
      }),
  },
  muon: {
    weightDecay: 0.004,
    options: fc.record({
      momentum: fc.constantFrom(0, 0.95),
      nesterov: fc.boolean(),
      nsSteps: fc.constantFrom(0, 1, 2),
      adamLrRatio: fc.constantFrom(0.1, 1),
      rmsRate: fc.constantFrom(null, 0.2, 1),
      adamWeightDecay: fc.constantFrom(null, 0.004),
      excludeLayers: fc.constantFrom([], ["weight1"]),
      epsilon: fc.constantFrom(1e-7, 1e-3),
    }),
    slots: (weight, given) => zeros("momentum", ...(leftToAdam(weight, given) ? ["velocity"] : [])),
    decayOf: (weight, given) => (leftToAdam(weight, given) ? (given.adamWeightDecay as number | null) : undefined),
    update: (step) => {
      const { weight, values, gradient, rate, option, given } = step;
      if (leftToAdam(weight, given))
        return adamRule(step, 0.9, 0.999, multiply(rate, rounded(option("adamLrRatio", 1))), false);
      const kept = rounded(option("momentum", 0.95));
      const momentum = gradient.map((each, at) =>
        add(multiply(weight.slots.get("momentum")?.[at] as Real, kept), each),
      );
      weight.slots.set("momentum", momentum);
      const along =
        given.nesterov === false
          ? momentum
          : gradient.map((each, at) => add(each, multiply(momentum[at] as Real, kept)));
      const [rows, columns] = weight.shape as [number, number];
      const matrix = Array.from({ length: rows }, (_, row) => along.slice(row * columns, (row + 1) * columns));
      const scaled =
        given.rmsRate === null ? one : rounded(option("rmsRate", 0.2) * Math.sqrt(Math.max(rows, columns)));
      const found = orthogonalized(matrix, step).flat();
      return values.map((each, at) => subtract(each, multiply(found[at] as Real, multiply(rate, scaled))));
    },
  },
};
