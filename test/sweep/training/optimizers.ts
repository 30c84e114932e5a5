// Optimizers over random weights, gradients, steps and options: weights, slots and averages after every step.
//
// What all optimizers do around their rule is that of the base class of Keras 3.16.

import fc from "fast-check";
import { compiled } from "../../../bindings/compiled.ts";
import { engine } from "../../../bindings/engine.ts";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as optimizers from "../../../bindings/optimizers.ts";
import type { Schedule } from "../../../bindings/schedules/schedule.ts";
import * as schedules from "../../../bindings/schedules.ts";
import { Variable } from "../../../bindings/variable.ts";
import { generator } from "../../harness/random.ts";
import { fromTensor, type RealArray } from "../array.ts";
import { expectValues } from "../compare.ts";
import { seeds, sometimes, tensorOf, within } from "../draw.ts";
import { add, apply, divide, exact, multiply, negate, Real, rounded, scale, subtract, unknown, zero } from "../real.ts";
import { type Subject, subject, type Tally } from "../subject.ts";
import {
  curve,
  least,
  most,
  norm,
  type OptimizerCase,
  type OptimizerRule,
  type Options,
  one,
  rules,
  type ScheduleName,
  type Step,
  type Weight,
} from "./optimizerRules.ts";

// Schedules -----------------------------------------------------------------------------------------------------------

const scheduled: Readonly<
  Record<ScheduleName, { readonly make: () => Schedule; readonly at: (step: number) => Real }>
> = {
  exponential: {
    make: () => schedules.exponentialDecay({ initialLearningRate: 0.1, decaySteps: 3, decayRate: 0.5 }),
    at: (step) =>
      multiply(
        rounded(0.1),
        apply(curve("exp"), multiply(divide(exact(step), exact(3)), apply(curve("log"), exact(0.5)))),
      ),
  },
  staircase: {
    make: () =>
      schedules.exponentialDecay({ initialLearningRate: 0.1, decaySteps: 2, decayRate: 0.5, staircase: true }),
    at: (step) => scale(rounded(0.1), 0.5 ** Math.floor(step / 2)),
  },
  inverse: {
    make: () => schedules.inverseTimeDecay({ initialLearningRate: 0.1, decaySteps: 2, decayRate: 0.5 }),
    at: (step) => divide(rounded(0.1), add(one, multiply(rounded(0.5), divide(exact(step), exact(2))))),
  },
  pieces: {
    make: () => schedules.piecewiseConstantDecay({ boundaries: [1, 3], values: [0.1, 0.05, 0.01] }),
    at: (step) => rounded(step <= 1 ? 0.1 : step <= 3 ? 0.05 : 0.01),
  },
};

// One case ------------------------------------------------------------------------------------------------------------

const commonOptions: fc.Arbitrary<Options> = fc
  .record({
    weightDecay: fc.constantFrom(undefined, undefined, 0.1),
    excludeFromWeightDecay: fc.constantFrom(undefined, ["weight0"]),
    clip: fc.constantFrom(null, null, "clipnorm", "clipvalue", "globalClipnorm"),
    limit: fc.constantFrom(0.3, 1, 10),
    useEma: fc.boolean(),
    emaMomentum: fc.constantFrom(0.5, 0.99),
    emaOverwriteFrequency: fc.constantFrom(null, 1, 2),
    lossScaleFactor: fc.constantFrom(null, null, 3, 8),
    gradientAccumulationSteps: fc.constantFrom(null, null, 2, 3),
  })
  .map(({ clip, limit, ...rest }) => ({ ...rest, ...(clip === null ? {} : { [clip]: limit }) }))
  .map((options) => Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)));

const cases = (rule: OptimizerRule): fc.Arbitrary<OptimizerCase> =>
  fc.record({
    shapes: fc.array(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }), {
      minLength: 1,
      maxLength: 3,
    }),
    steps: fc.integer({ min: 1, max: 5 }),
    own: rule.options,
    common: commonOptions,
    rate: fc.oneof(
      fc.constantFrom(0.001, 0.1),
      fc.constantFrom<ScheduleName>("exponential", "staircase", "inverse", "pieces").map((schedule) => ({ schedule })),
    ),
    seed: seeds,
  });

type Make = (options: object) => optimizers.Optimizer;
const known = optimizers as unknown as Readonly<Record<string, Make>>;

function check(name: string, rule: OptimizerRule, given: OptimizerCase, tally: Tally): void {
  engine().poisoned = true;
  tally.cases++;
  const next = generator(given.seed);
  const { own, common, rate } = given;
  const options = {
    ...own,
    ...common,
    learningRate: typeof rate === "number" ? rate : scheduled[rate.schedule].make(),
  };
  const variables = given.shapes.map(
    (shape, index) => new Variable(`weight${index}`, tensorOf({ shape, draw: within(-2, 2) }, next), true),
  );
  const state = optimizers.startOptimizer((known[name] as Make)(options), variables);
  const step = compiled((...gradients: SymbolicTensor[]) => {
    state.step(gradients);
    return [];
  });
  const weights = variables.map((variable): Weight => {
    const of = { name: variable.name, shape: variable.shape };
    const slots = Object.entries(rule.slots(of, own)).map(
      ([slot, [start, count = variable.size]]): [string, Real[]] => [slot, new Array<Real>(count).fill(exact(start))],
    );
    const { data } = fromTensor(variable.value);
    return {
      ...of,
      values: [...data],
      slots: new Map(slots),
      average: common.useEma === true ? data.map(() => zero) : undefined,
      accumulated: data.map(() => zero),
    };
  });
  const shared = new Map<string, Real>();
  for (let call = 1; call <= given.steps; call++) {
    const gradients = variables.map(({ shape }) => tensorOf({ shape, draw: sometimes([0], 0.1, within(-2, 2)) }, next));
    step(...gradients);
    reference(rule, given, weights, gradients.map(fromTensor), call, shared);
    variables.forEach((variable, index) => {
      expectReals(variable.value, (weights[index] as Weight).values, `${variable.name} after step ${call}`);
    });
  }
  const slots = new Map(state.readSlots().map((each) => [each.name, each.value]));
  for (const weight of weights) {
    const expected = new Map(weight.slots);
    if (weight.average !== undefined) expected.set("average", weight.average);
    if (common.gradientAccumulationSteps != null) expected.set("gradient_accumulator", weight.accumulated);
    for (const [slot, values] of expected) {
      const value = slots.get(`${slot}/${weight.name}`);
      if (value === undefined) throw new Error(`no slot ${slot}/${weight.name} among ${[...slots.keys()].join(", ")}`);
      expectReals(value, values, `${slot} of ${weight.name}`);
      slots.delete(`${slot}/${weight.name}`);
    }
  }
  slots.delete("product");
  if (slots.size > 0) throw new Error(`slots that the reference has not: ${[...slots.keys()].join(", ")}`);
  state.finalize();
  if (common.useEma === true)
    variables.forEach((variable, index) => {
      expectReals(variable.value, (weights[index] as Weight).average as Real[], `${variable.name} finalized`);
    });
  for (const block of new Set([...variables, ...state.variables].map((each) => each.storage.block)))
    engine().release(block);
}

function expectReals(actual: Parameters<typeof expectValues>[0], values: readonly Real[], what: string): void {
  expectValues(
    actual,
    values.map(({ value }) => value),
    values.map(({ bound }) => bound),
    what,
  );
}

/** One call of the optimizer: Keras' base_optimizer and the rule. */
function reference(
  rule: OptimizerRule,
  { own, common, rate: givenRate }: OptimizerCase,
  weights: readonly Weight[],
  gradients: readonly RealArray[],
  call: number,
  shared: Map<string, Real>,
): void {
  const every = (common.gradientAccumulationSteps as number | null | undefined) ?? 1;
  const [updates, t] = [call % every === 0, Math.floor((call - 1) / every) + 1];
  const rate = typeof givenRate === "number" ? rounded(givenRate) : scheduled[givenRate.schedule].at(call - 1);
  const { lossScaleFactor, clipnorm, clipvalue, globalClipnorm } = common as Readonly<
    Record<string, number | null | undefined>
  >;
  const prepared = weights.map((weight, index) => {
    let gradient = [...(gradients[index] as RealArray).data];
    if (lossScaleFactor != null) gradient = gradient.map((each) => divide(each, rounded(lossScaleFactor)));
    if (every > 1) {
      const total = gradient.map((each, at) => add(each, weight.accumulated[at] as Real));
      weight.accumulated = updates ? total.map(() => zero) : total;
      gradient = total.map((each) => divide(each, exact(every)));
    }
    if (clipvalue != null) {
      const limit = rounded(clipvalue);
      gradient = gradient.map((each) => least(most(each, negate(limit)), limit));
    }
    if (clipnorm != null) {
      const size = most(norm(gradient), rounded(clipnorm));
      gradient = gradient.map((each) => divide(multiply(each, rounded(clipnorm)), size));
    }
    return gradient;
  });
  const clipped = globalClipnorm == null ? prepared : clippedTogether(prepared, globalClipnorm);
  const option = (name: string, otherwise: number): number => (own[name] as number | undefined) ?? otherwise;
  if (updates) rule.share?.(shared, { t, option });
  weights.forEach((weight, index) => {
    if (updates) {
      const spared = ((common.excludeFromWeightDecay as readonly string[] | undefined) ?? []).some((each) =>
        weight.name.includes(each),
      );
      const particular = rule.decayOf?.(weight, own);
      const usual = (common.weightDecay as number | undefined) ?? rule.weightDecay ?? 0;
      const decay = spared ? 0 : ((particular === undefined ? usual : particular) ?? 0);
      const values =
        decay === 0
          ? weight.values
          : weight.values.map((each) => subtract(each, multiply(each, multiply(rate, rounded(decay)))));
      const step: Step = { weight, values, gradient: clipped[index] as Real[], rate, t, shared, option, given: own };
      weight.values = settled(rule.update(step));
      for (const [name, slot] of weight.slots) weight.slots.set(name, settled(slot));
    }
    if (weight.average === undefined) return;
    const kept = t > 1 ? rounded(common.emaMomentum as number) : zero;
    weight.average = settled(
      weight.average.map((average, at) =>
        add(multiply(average, kept), multiply(weight.values[at] as Real, subtract(one, kept))),
      ),
    );
    const overwrites = common.emaOverwriteFrequency as number | null | undefined;
    if (overwrites != null && t % overwrites === 0) weight.values = [...weight.average];
  });
  for (const [name, value] of shared) shared.set(name, forgetful(value));
}

/** The same numbers without where they come from, so that steps do not pile up. */
function settled(values: readonly Real[]): Real[] {
  return values.map(forgetful);
}

function forgetful({ value, bound }: Real): Real {
  return new Real(value, Number.isNaN(bound) ? unknown : bound);
}

function clippedTogether(gradients: readonly Real[][], limit: number): Real[][] {
  const size = norm(gradients.flat());
  if (size.value === 0) return gradients.map((each) => [...each]);
  const factor = multiply(least(divide(one, size), rounded(1 / limit)), rounded(limit));
  return gradients.map((each) => each.map((x) => multiply(x, factor)));
}

export const optimizerSubjects: readonly Subject[] = Object.entries(rules).map(([name, rule]) =>
  subject<OptimizerCase>({
    name: `optimizers.${name}`,
    kind: "optimizer",
    cases: cases(rule),
    check: (given, tally) => check(name, rule, given, tally),
  }),
);
