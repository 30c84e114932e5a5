// Do schedules decide the rate of each step while `fit` runs, and do they live in files?

import { expect, test } from "vitest";
import { loadModel } from "../../bindings/models/loading.ts";
import * as ops from "../../bindings/ops/index.ts";
import { adam, sgd } from "../../bindings/optimizers.ts";
import * as schedules from "../../bindings/schedules.ts";
import { classifier, samples } from "./problem.ts";

const { x, y } = samples(96);
const batches = { batchSize: 32, epochs: 2 };

test("fit takes each step at the rate of the schedule", async () => {
  const schedule = schedules.polynomialDecay({ initialLearningRate: 0.5, decaySteps: 4, endLearningRate: 0.1 });
  const model = classifier({ optimizer: sgd({ learningRate: schedule }) });
  expect(model.learningRate).toBe(0.5);
  await model.fit(x, y, { batchSize: 32, epochs: 1 });
  expect(model.learningRate).toBe(schedule.at(2));
  await model.fit(x, y, { batchSize: 32, epochs: 1 });
  expect(model.learningRate).toBe(Math.fround(0.1));
});

test("a constant schedule trains to the bits of a number", async () => {
  const constant = schedules.piecewiseConstantDecay({ boundaries: [2], values: [0.01, 0.01] });
  const [one, two] = [
    classifier({ optimizer: adam({ learningRate: constant }) }),
    classifier({ optimizer: adam({ learningRate: 0.01 }) }),
  ];
  await one.fit(x, y, batches);
  await two.fit(x, y, batches);
  expect(one.getWeights()).toEqual(two.getWeights());
});

test("a function of the step is a schedule", async () => {
  const learningRate = (step: Parameters<schedules.ScheduleFunction>[0]) => ops.divide(0.5, ops.add(step, 1));
  const model = classifier({ optimizer: sgd({ learningRate }) });
  await model.fit(x, y, { batchSize: 32, epochs: 1 });
  expect(model.learningRate).toBe(Math.fround(0.5 / 3));
});

test("training goes on from a file on the same schedule, to the bit", async () => {
  const optimizer = () =>
    adam({
      learningRate: schedules.warmUp({
        steps: 4,
        learningRate: schedules.cosineDecay({ initialLearningRate: 0.05, decaySteps: 5 }),
      }),
    });
  const straight = classifier({ optimizer: optimizer() });
  await straight.fit(x, y, { batchSize: 32, epochs: 3 });
  const before = classifier({ optimizer: optimizer() });
  await before.fit(x, y, { batchSize: 32, epochs: 1 });
  const after = await loadModel(await before.save());
  await after.fit(x, y, { batchSize: 32, epochs: 3, initialEpoch: 1 });
  expect(after.getWeights()).toEqual(straight.getWeights());
  expect(after.learningRate).toBe(straight.learningRate);
});

test("a file cannot hold a function, and says so", async () => {
  const model = classifier({ optimizer: sgd({ learningRate: (step) => ops.divide(0.5, ops.add(step, 1)) }) });
  await expect(model.save()).rejects.toThrow(/includeOptimizer: false/);
});

test("the rate can be assigned where it is a number, and not where a schedule decides", async () => {
  const model = classifier({ optimizer: sgd({ learningRate: 0.5 }) });
  model.learningRate = 0.25;
  await model.fit(x, y, { batchSize: 32, epochs: 1 });
  expect(model.learningRate).toBe(0.25);
  expect(() => {
    model.learningRate = Number.NaN;
  }).toThrow(/learningRate: expected a/);
  const decaying = classifier({
    optimizer: sgd({
      learningRate: schedules.exponentialDecay({ initialLearningRate: 1, decaySteps: 2, decayRate: 0.5 }),
    }),
  });
  expect(() => {
    decaying.learningRate = 0.1;
  }).toThrow(/schedule, which decides/);
});

test("oneCycle rises to its maximum and falls to next to nothing", () => {
  const schedule = schedules.oneCycle({ maximumLearningRate: 1, totalSteps: 100 });
  expect(schedule.at(0)).toBeCloseTo(1 / 25, 6);
  expect(schedule.at(15)).toBeCloseTo((1 + 1 / 25) / 2, 6);
  expect(schedule.at(30)).toBe(1);
  expect(schedule.at(65)).toBeCloseTo(0.5, 3);
  expect(schedule.at(100)).toBeCloseTo(1 / 250_000, 9);
  expect(schedule.at(1000)).toBe(schedule.at(100));
});

test("warmUp rises in a line to where the next schedule begins", () => {
  const decay = schedules.exponentialDecay({ initialLearningRate: 0.5, decaySteps: 1, decayRate: 0.5 });
  const schedule = schedules.warmUp({ learningRate: decay, steps: 4, startLearningRate: 0.1 });
  expect([0, 2, 4, 5, 7].map((step) => schedule.at(step))).toEqual(
    [0.1, 0.3, 0.5, 0.25, 0.0625].map((rate) => expect.closeTo(rate, 7)),
  );
  const again = schedules.scheduleFromConfig(schedule.className, schedule.config);
  expect(again.at(6)).toBe(schedule.at(6));
});

test.each<[string, () => unknown, RegExp]>([
  [
    "a missing option",
    () => schedules.cosineDecay({ initialLearningRate: 1 } as never),
    /cosineDecay\.decaySteps: expected/,
  ],
  [
    "an unknown option",
    () => schedules.cosineDecay({ initialLearningRate: 1, decaySteps: 1, steps: 2 } as never),
    /steps/,
  ],
  [
    "boundaries out of order",
    () => schedules.piecewiseConstantDecay({ boundaries: [3, 2], values: [1, 2, 3] }),
    /growing/,
  ],
  ["a rate below 0", () => sgd({ learningRate: -1 }), /sgd\.learningRate: expected/],
  ["text for a rate", () => sgd({ learningRate: "cosine" as never }), /a schedule, or a function/],
  ["an unknown class", () => schedules.scheduleFromConfig("CosineDcay", {}), /CosineDecay/],
  [
    "a function that returns no scalar",
    () => classifier({ optimizer: sgd({ learningRate: () => 0.1 as never }) }).trainer,
    /returns a scalar/,
  ],
])("%s is an error that says so", (_, action, message) => {
  expect(action).toThrow(message);
});
