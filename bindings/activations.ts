// Which functions can stand between layers, and how are they named?

import { toCamelCase, toSnakeCase } from "./config.ts";
import { show, TensorError, unknownName } from "./errors.ts";
import type { SymbolicTensor } from "./graph.ts";
import * as more from "./ops/activations.ts";
import { elu, gelu, hardSigmoid, leakyRelu, selu, softplus, softsign } from "./ops/activations.ts";
import { asFloat, exp, relu6, sigmoid, silu, tanh } from "./ops/map.ts";
import { logSoftmax, softmax } from "./ops/softmax.ts";

/** An elementwise function, or one along the last axis. */
export interface Activation {
  /** Its name in Keras (`leaky_relu`), or that of the function. */
  readonly name: string;
  readonly call: (x: SymbolicTensor) => SymbolicTensor;
}

/** A function that keeps the shape (only `glu` halves the last axis). */
export type ActivationFunction = (x: SymbolicTensor) => SymbolicTensor;

/** The activations of Keras that need no arguments. */
export type ActivationName =
  | "linear"
  | "relu"
  | "relu6"
  | "leakyRelu"
  | "elu"
  | "selu"
  | "celu"
  | "gelu"
  | "silu"
  | "swish"
  | "sigmoid"
  | "hardSigmoid"
  | "hardSilu"
  | "hardSwish"
  | "hardTanh"
  | "hardShrink"
  | "softShrink"
  | "tanh"
  | "tanhShrink"
  | "softplus"
  | "softsign"
  | "exponential"
  | "logSigmoid"
  | "softmax"
  | "logSoftmax"
  | "mish"
  | "glu"
  | "sparsePlus"
  | "sparseSigmoid"
  | "squareplus"
  | "sparsemax";

/** What an option `activation` takes. */
export type ActivationLike = ActivationName | ActivationFunction | null;

/** All named activations with Keras' defaults: `gelu` is the exact one, `leakyRelu` has slope 0.2. */
export const activations: Readonly<Record<ActivationName, ActivationFunction>> = /* @__PURE__ */ Object.freeze({
  linear: (x) => asFloat(x),
  relu: (x) => more.rectify(x),
  relu6: (x) => relu6(x),
  leakyRelu: (x) => leakyRelu(x),
  elu: (x) => elu(x),
  selu: (x) => selu(x),
  celu: (x) => more.celu(x),
  gelu: (x) => gelu(x, false),
  silu: (x) => silu(x),
  swish: (x) => silu(x),
  sigmoid: (x) => sigmoid(x),
  hardSigmoid: (x) => hardSigmoid(x),
  hardSilu: (x) => more.hardSilu(x),
  hardSwish: (x) => more.hardSilu(x),
  hardTanh: (x) => more.hardTanh(x),
  hardShrink: (x) => more.hardShrink(x),
  softShrink: (x) => more.softShrink(x),
  tanh: (x) => tanh(x),
  tanhShrink: (x) => more.tanhShrink(x),
  softplus: (x) => softplus(x),
  softsign: (x) => softsign(x),
  exponential: (x) => exp(x),
  logSigmoid: (x) => more.logSigmoid(x),
  softmax: (x) => softmax(x),
  logSoftmax: (x) => logSoftmax(x),
  mish: (x) => more.mish(x),
  glu: (x) => more.glu(x),
  sparsePlus: (x) => more.sparsePlus(x),
  sparseSigmoid: (x) => more.sparseSigmoid(x),
  squareplus: (x) => more.squareplus(x),
  sparsemax: (x) => more.sparsemax(x),
} satisfies Record<ActivationName, ActivationFunction>);

/**
 * The activation meant by `value`: a name (in camelCase, or in snake_case as Keras writes it), a function of ops, or null
 * for the identity.
 * @throws {TensorError} `name` for an unknown name, `option` for another kind of value.
 */
export function resolveActivation(value: ActivationLike | undefined, where: string): Activation {
  if (value === undefined || value === null) return activation("linear", activations.linear);
  if (typeof value === "function") return activation(value.name === "" ? "custom" : value.name, value);
  if (typeof value !== "string")
    throw new TensorError("option", {
      where,
      expected: "the name of an activation or a function",
      received: show(value),
    });
  const name = toCamelCase(value);
  if (name === "threshold")
    throw new TensorError("option", {
      where,
      expected: "an activation without arguments",
      received: '"threshold"',
      remedy: "Pass a function: (x) => ops.threshold(x, 0.5, 0).",
    });
  if (!Object.hasOwn(activations, name)) throw unknownName(where, "an activation", value, Object.keys(activations));
  return activation(toSnakeCase(name), activations[name as ActivationName]);
}

function activation(name: string, call: ActivationFunction): Activation {
  return Object.freeze({ name, call });
}
