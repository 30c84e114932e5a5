// How is a layer applied to what users have: values, symbols or placeholders of a model?

import { ambientRandomness } from "../ambientRandomness.ts";
import { compiled } from "../compiled.ts";
import { checkOptionNames } from "../config.ts";
import { check } from "../errors.ts";
import { checkFlag, inputNode, type Operand, SymbolicTensor, toSymbolic, tracing, withTrace } from "../graph.ts";
import { type Shape, Tensor, type TensorLike, tensor } from "../tensor.ts";
import type { AnyLayer, CallContext } from "./layer.ts";
import { maskOf, setMask } from "./masks.ts";
import { type BatchShape, Placeholder } from "./placeholder.ts";

/** How a layer or model is applied. */
export interface ApplyOptions {
  /** Switches dropout and noise on. Default false. */
  readonly training?: boolean;
  /** Which steps [batch, steps] of the only input count; not for placeholders. Default the mask it has, or all. */
  readonly mask?: TensorLike | SymbolicTensor;
}

/** What a layer may be applied to. */
export type Input = TensorLike | SymbolicTensor | Placeholder;
/** What applying a layer to `T` gives. */
export type Applied<T> = T extends Placeholder | readonly Placeholder[]
  ? Placeholder
  : T extends SymbolicTensor | readonly SymbolicTensor[]
    ? SymbolicTensor
    : Tensor;

/** The context outside of `fit`: random numbers go on from call to call. */
export function ambientContext(training: boolean, losses: SymbolicTensor[] = []): CallContext {
  const addLoss = (loss: SymbolicTensor): void => {
    losses.push(loss);
  };
  if (!training) return { training, seed: 0, step: 0, addLoss };
  return { training, ...ambientRandomness(), addLoss };
}

/** Applies a layer or model to whatever it was given; see {@link Layer.apply}. */
export function applyLayer(layer: AnyLayer, x: Input | readonly Input[], options: ApplyOptions): unknown {
  checkOptionNames(`${layer.name}.apply`, options, ["training", "mask"]);
  const { training = false, mask } = options;
  checkFlag(`${layer.name}.apply`, "training", training);
  const many =
    Array.isArray(x) &&
    x.some((each) => each instanceof Placeholder || each instanceof SymbolicTensor || each instanceof Tensor);
  const inputs = (many ? x : [x]) as readonly Input[];
  check(mask === undefined || inputs.length === 1, "option", () => ({
    where: `${layer.name}.mask`,
    expected: "a mask for a single input",
    received: `${inputs.length} inputs`,
    remedy: "Masks of several inputs come with them, from the layers that make them.",
  }));
  check(mask === undefined || layer.takesMask !== false, "unsupported", () => ({
    where: `${layer.name}.mask`,
    expected: "no mask, which the layer could neither use nor hand on",
    received: "one",
  }));
  if (inputs.every((input) => input instanceof Placeholder)) {
    check(mask === undefined, "option", () => ({
      where: `${layer.name}.mask`,
      expected: "values or symbols to apply a mask to",
      received: "a placeholder",
      remedy: "Masks in models come from masking() or embedding({ maskZero: true }).",
    }));
    return applyToPlaceholders(layer, inputs, many);
  }
  check(!inputs.some((input) => input instanceof Placeholder), "dtype", () => ({
    where: layer.name,
    expected: "inputs of one kind",
    received: "placeholders of a model together with values",
  }));
  if (inputs.some((input) => input instanceof SymbolicTensor) || tracing())
    return masked(
      inputs.map((input) => toSymbolic(input as Operand)),
      mask === undefined ? undefined : toSymbolic(mask, "bool"),
      (symbols) => layer.invoke(symbols, ambientContext(training)),
    );
  const values = inputs.map((input) => tensor(input as TensorLike));
  layer.build(values.map((value) => value.shape));
  const call = (...symbols: SymbolicTensor[]): SymbolicTensor =>
    masked(symbols.slice(0, values.length), symbols[values.length], (each) =>
      layer.invoke(each, ambientContext(training)),
    );
  return compiled(call)(...values, ...(mask === undefined ? [] : [tensor(mask as TensorLike, undefined, "bool")]));
}

/** What `run` makes of the inputs while the first of them has this mask. */
function masked<T>(
  inputs: readonly SymbolicTensor[],
  mask: SymbolicTensor | undefined,
  run: (inputs: readonly SymbolicTensor[]) => T,
): T {
  const [first] = inputs as [SymbolicTensor];
  const before = maskOf(first);
  if (mask === undefined) return run(inputs);
  setMask(first, mask);
  try {
    return run(inputs);
  } finally {
    setMask(first, before);
  }
}

function applyToPlaceholders(layer: AnyLayer, inputs: readonly Placeholder[], many: boolean): Placeholder {
  const shapes = inputs.map((input) => input.shape);
  layer.build(shapes);
  const result = withTrace(() => {
    const symbols = inputs.map((input, index) =>
      inputNode(`input ${index}`, { shape: sized(input.shape), dtype: input.dtype }),
    );
    return layer.invoke(symbols, ambientContext(false));
  });
  return new Placeholder([null, ...result.shape.slice(1)], result.dtype, { layer, inputs, many });
}

/** The shape with one sample in place of unknown sizes. */
export function sized(shape: BatchShape, batch = 1): Shape {
  return shape.map((size) => size ?? batch);
}
