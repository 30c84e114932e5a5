// Are names, options and configurations checked, and do the errors help?

import { expect, test } from "vitest";
import { resolveActivation } from "../../bindings/activations.ts";
import { optionsFromConfig, toCamelCase, toSnakeCase } from "../../bindings/config.ts";
import { constraintFromConfig, maxNorm, minMaxNorm, resolveConstraint } from "../../bindings/constraints.ts";
import { type ErrorCode, TensorError } from "../../bindings/errors.ts";
import {
  identity,
  initializerFromConfig,
  orthogonal,
  randomUniform,
  resolveInitializer,
  varianceScaling,
} from "../../bindings/initializers.ts";
import { binaryCrossentropy, lossFromConfig, meanSquaredError, resolveLoss } from "../../bindings/losses.ts";
import { resolveMetric } from "../../bindings/metrics.ts";
import { adam, adamw, optimizerFromConfig, resolveOptimizer, rmsprop, sgd } from "../../bindings/optimizers.ts";
import { l1, l1l2, regularizerFromConfig, resolveRegularizer } from "../../bindings/regularizers.ts";

function expectError(body: () => unknown, code: ErrorCode, ...parts: string[]): void {
  try {
    body();
  } catch (error) {
    expect(error).toBeInstanceOf(TensorError);
    expect((error as TensorError).code, (error as TensorError).message).toBe(code);
    for (const part of parts) expect((error as TensorError).message).toContain(part);
    return;
  }
  expect.unreachable(`no error: ${body}`);
}

test("names between the cases", () => {
  const pairs = { GlorotUniform: "glorot_uniform", ReLU: "re_lu", Conv2D: "conv2d", negativeSlope: "negative_slope" };
  for (const [name, snake] of Object.entries(pairs)) expect(toSnakeCase(name)).toBe(snake);
  expect(["beta_1", "leaky_relu", "l1"].map(toCamelCase)).toEqual(["beta1", "leakyRelu", "l1"]);
});

test("unknown names suggest the nearest one", () => {
  expectError(() => resolveActivation("rellu" as never, "dense_1"), "name", "dense_1", 'Did you mean "relu"?');
  expectError(() => resolveInitializer("heNorml", "dense_1"), "name", 'Did you mean "heNormal"?');
  expectError(() => resolveRegularizer("l3", "dense_1"), "name", 'Did you mean "l1"?');
  expectError(() => resolveConstraint("maxnrm", "dense_1"), "name", 'Did you mean "maxNorm"?');
  expectError(() => resolveLoss("meanSquareError", "model.loss"), "name", 'Did you mean "meanSquaredError"?');
  expectError(() => resolveMetric("acuracy", "model.metrics"), "name", 'Did you mean "accuracy"?');
  expectError(() => resolveOptimizer("adm", "model.optimizer"), "name", "model.optimizer", 'Did you mean "adam"?');
  expectError(() => lossFromConfig("Hing"), "name", "Hinge");
  expectError(() => optimizerFromConfig("Lyon"), "name", "lion");
  expectError(() => resolveActivation("threshold" as never, "a"), "option", "ops.threshold");
});

test("other kinds of value are options errors", () => {
  for (const value of [1, {}, [], true]) {
    const wrong = value as never;
    expectError(() => resolveActivation(wrong, "here"), "option", "here");
    expectError(() => resolveInitializer(wrong, "here"), "option", "here");
    expectError(() => resolveRegularizer(wrong, "here"), "option", "here");
    expectError(() => resolveConstraint(wrong, "here"), "option", "here");
    expectError(() => resolveLoss(wrong, "here"), "option", "here");
    expectError(() => resolveMetric(wrong, "here"), "option", "here");
    expectError(() => resolveOptimizer(wrong, "here"), "option", "here");
  }
  expectError(() => resolveLoss(null as never, "here"), "option");
});

test("options are checked", () => {
  const wrong: [() => unknown, string][] = [
    [() => sgd({ learningRate: -1 }), "sgd.learningRate"],
    [() => adam({ learningRate: Number.NaN }), "adam.learningRate"],
    [() => adam({ learningRate: "0.1" as never }), "adam.learningRate"],
    [() => adam({ beta1: 1 }), "adam.beta1"],
    [() => adamw({ weightDecay: null }), "adamw.weightDecay"],
    [() => sgd({ momentum: 1.5 }), "sgd.momentum"],
    [() => sgd({ nesterov: 1 as never }), "sgd.nesterov"],
    [() => rmsprop({ rho: -0.1 }), "rmsprop.rho"],
    [() => adam({ clipnorm: 1, clipvalue: 1 }), "at most one of"],
    [() => adam({ clipnorm: 0 }), "adam.clipnorm"],
    [() => adam({ gradientAccumulationSteps: 1 }), "adam.gradientAccumulationSteps"],
    [() => adam({ emaOverwriteFrequency: 0.5 }), "adam.emaOverwriteFrequency"],
    [() => l1({ l1: -1 }), "l1.l1"],
    [() => maxNorm({ maxValue: Number.POSITIVE_INFINITY }), "maxNorm.maxValue"],
    [() => maxNorm({ axis: 0.5 }), "maxNorm.axis"],
    [() => minMaxNorm({ minValue: 2, maxValue: 1 }), "minMaxNorm.maxValue"],
    [() => randomUniform({ minval: 1, maxval: 0 }), "randomUniform.maxval"],
    [() => randomUniform({ seed: 0.5 }), "randomUniform.seed"],
    [() => varianceScaling({ scale: 0 }), "varianceScaling.scale"],
    [() => binaryCrossentropy({ labelSmoothing: 2 }), "binaryCrossentropy.labelSmoothing"],
    [() => binaryCrossentropy({ fromLogits: "no" as never }), "binaryCrossentropy.fromLogits"],
  ];
  for (const [body, where] of wrong) expectError(body, "option", where);
  expectError(() => adam({ learningrate: 1 } as never), "name", 'Did you mean "learningRate"?');
  expectError(() => l1l2({ l3: 1 } as never), "name", "l1l2");
  expectError(() => varianceScaling({ mode: "fan" as never }), "name", "varianceScaling.mode");
  expectError(() => meanSquaredError({ reduction: "summ" as never }), "name", 'Did you mean "sum"?');
  expectError(() => identity().create([2, 2, 2]), "shape", "identity");
  expectError(() => orthogonal().create([2]), "shape", "orthogonal");
});

test("configurations name unknown keys, and accept what Keras always writes", () => {
  const always = { name: "x", trainable: true, dtype: "float32", module: null, registered_name: null };
  expect(optionsFromConfig("x", { ...always, negative_slope: 2 }, ["negativeSlope" as never])).toEqual({
    negativeSlope: 2,
  });
  const policy = { class_name: "DTypePolicy", config: { name: "float32" } };
  expect(optionsFromConfig("x", { dtype: policy }, [])).toEqual({});
  expectError(() => optionsFromConfig("x", { dtype: "float16" }, []), "unsupported", "float16");
  expectError(() => initializerFromConfig("HeNormal", { sed: 1 }), "option", "HeNormal", "sed");
  expectError(() => regularizerFromConfig("L1", { l2: 1 }), "option", "l2");
  expectError(() => constraintFromConfig("MaxNorm", { max: 1 }), "option", "max");
  expectError(() => optimizerFromConfig("Adam", { fused: true }), "name", "fused");
  const schedule = { class_name: "CosineDecay", config: {} };
  expectError(() => optimizerFromConfig("Adam", { learning_rate: schedule }), "option", "cosineDecay");
});

test("configurations come back as they went", () => {
  const optimizers = [
    sgd({ momentum: 0.5 }),
    adam({ beta1: 0.5 }),
    adamw({ clipnorm: 1 }),
    rmsprop({ centered: true }),
  ];
  for (const each of optimizers)
    expect(optimizerFromConfig(each.className, each.getConfig()).getConfig()).toEqual(each.getConfig());
  const loss = binaryCrossentropy({ labelSmoothing: 0.1, reduction: null, name: "mine" });
  expect(lossFromConfig(loss.className, loss.config).config).toEqual(loss.config);
  expect(loss.config).toMatchObject({ from_logits: false, label_smoothing: 0.1, reduction: null, name: "mine" });
  const scaling = varianceScaling({ scale: 3, mode: "fanOut", distribution: "uniform", seed: 2 });
  expect(scaling.config).toEqual({ scale: 3, mode: "fan_out", distribution: "uniform", seed: 2 });
  expect(initializerFromConfig(scaling.className, scaling.config).config).toEqual(scaling.config);
  expect(resolveLoss({ class_name: "MeanSquaredError", config: {} }, "x").className).toBe("MeanSquaredError");
  expect(resolveOptimizer({ class_name: "SGD", config: { learning_rate: 0.5 } }, "x").settings.learningRate).toBe(0.5);
});
