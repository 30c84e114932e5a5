// What is a layer? Options, weights, and a function of tensors; all the rest follows from these.

import { checkDefinition, checkOptionsObject, type Json, toSnakeCase } from "../config.ts";
import type { Constraint } from "../constraints.ts";
import { check, formatBytes, show, unknownName } from "../errors.ts";
import { checkFlag, type Operand, read, SymbolicTensor, withScope } from "../graph.ts";
import type { Initializer } from "../initializers.ts";
import { divide } from "../ops/map.ts";
import { assign } from "../ops/optimize.ts";
import type { Regularizer } from "../regularizers.ts";
import { type DType, type Shape, sizeOf, type Tensor, type TensorLike, tensor } from "../tensor.ts";
import { Variable } from "../variable.ts";
import { type Applied, type ApplyOptions, applyLayer, type Input } from "./apply.ts";
import type { Fields, Parsed } from "./field.ts";
import { maskOf, setMask } from "./masks.ts";
import { factoryName, parseOptions } from "./options.ts";
import type { BatchShape } from "./placeholder.ts";

/** What a layer may ask while it is called. */
export interface CallContext {
  /** True inside `fit`: dropout and noise act. */
  readonly training: boolean;
  /** int32 scalar that random numbers are keyed by. */
  readonly seed: Operand;
  /** int32 scalar that changes with every training step. */
  readonly step: Operand;
  /** Adds a scalar to the loss of the model. */
  readonly addLoss: (loss: SymbolicTensor) => void;
  /** Changes the labels of the batch along with its samples, before the loss; missing where there are no labels. */
  readonly mixLabels?: (mix: (labels: SymbolicTensor) => SymbolicTensor) => void;
  /** True inside a model that is not trainable. */
  readonly frozen?: boolean;
}

/** Options that every layer has. */
export interface LayerOptions {
  /** Unique in its model. Default: the class name in snake_case, numbered. */
  readonly name?: string;
  /** Whether optimizers change its weights. Default true. */
  readonly trainable?: boolean;
  /** Shape of one sample, without the batch: makes a first layer say what the model takes. */
  readonly inputShape?: Shape;
  /** Dtype of the input, with `inputShape`. Default float32. */
  readonly inputDtype?: DType;
}

/** A weight as a layer asks for it. */
export interface WeightSpec {
  /** Its shape, whole: there is no batch axis. */
  readonly shape: Shape;
  /** Its first values. */
  readonly initializer: Initializer;
  /** Whether optimizers change it. Default true. */
  readonly trainable?: boolean;
  /** Default float32; only float32 can be trained. */
  readonly dtype?: DType;
  /** Penalty for it, added to the loss while the layer is trainable. Default none. */
  readonly regularizer?: Regularizer | null;
  /** What it is held to after each step. Default nothing. */
  readonly constraint?: Constraint | null;
}

/** Everything that makes a kind of layer. */
export interface LayerDefinition<F extends Fields, I extends "one" | "many"> {
  /** The class name in Keras, or a name of your own. */
  readonly className: string;
  /** The rules for its options, made by `fields.*`. */
  readonly fields: F;
  /** Whether `call` takes one tensor or a list. */
  readonly inputs: I;
  /** The weights for inputs of these shapes, batch axis first (its size does not matter). Default none. */
  readonly weights?: (shapes: readonly Shape[], options: Parsed<F>) => Readonly<Record<string, WeightSpec>>;
  /**
   * What becomes of the masks of the inputs, which say which steps count: `"pass"` gives the result that of the only input,
   * a function says another, and undefined for none. Default: the layer knows nothing of masks, and the result has none.
   */
  readonly masking?: "pass" | Masking<F>;
  /** The result, with `weights` read under their names. */
  readonly call: (
    x: I extends "one" ? SymbolicTensor : readonly SymbolicTensor[],
    scope: {
      readonly options: Parsed<F>;
      readonly weights: Readonly<Record<string, SymbolicTensor>>;
      readonly context: CallContext;
      /** Whether the layer and all models around it are trainable. */
      readonly trainable: boolean;
      /** Which steps of each input count; undefined where all do. */
      readonly masks: readonly (SymbolicTensor | undefined)[];
      /** Gives a weight another value once the program runs: running averages, counters. */
      readonly update: (name: string, value: SymbolicTensor) => void;
    },
  ) => SymbolicTensor;
}

/** The mask of a result, from the inputs and their masks; undefined when all steps count. */
export type Masking<F extends Fields> = (
  inputs: readonly SymbolicTensor[],
  masks: readonly (SymbolicTensor | undefined)[],
  options: Parsed<F>,
) => SymbolicTensor | undefined;

/** What models know of a layer, or of a model used as one. */
export interface AnyLayer {
  /** Its class in Keras, or that of `defineLayer`. */
  readonly className: string;
  /** Unique in its model, which numbers those that were not given: `dense_1`. */
  name: string;
  /** Whether the name is settled: given by the user, or by the first model it belongs to. */
  named: boolean;
  /** Whether optimizers change its weights. */
  trainable: boolean;
  /** Its weights in the order of their making. */
  readonly weights: readonly Variable[];
  /** Those that optimizers change. */
  readonly trainableWeights: readonly Variable[];
  /** Whether a mask may be given to it; a model hands it to its layers. Default true. */
  readonly takesMask?: boolean;
  /** Constraints of weights that have one. */
  readonly constraints: ReadonlyMap<Variable, Constraint>;
  /** Gives it another name. */
  rename(name: string): void;
  /** Makes the weights for inputs of these shapes, batch axis first, null. Does nothing the second time. */
  build(shapes: readonly BatchShape[]): void;
  /** The result for symbols, under its name in errors and listings. */
  invoke(inputs: readonly SymbolicTensor[], context: CallContext): SymbolicTensor;
  /** The configuration as Keras writes it. */
  getConfig(): Record<string, Json>;
}

/** Elements that fill all of WebAssembly memory. */
const largestWeight = 2 ** 30;

/** A definition whose options are no longer known to the type checker. */
export type AnyDefinition = LayerDefinition<Fields, "one" | "many">;

/** A layer: made by `layers.*` or by a factory of {@link defineLayer}. */
export class Layer implements AnyLayer {
  readonly className: string;
  name: string;
  named: boolean;
  /** The options after checking, defaults filled in. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Shape of one sample, of a first layer that says it. */
  readonly inputShape: Shape | undefined;
  /** Dtype of the input, with `inputShape`. */
  readonly inputDtype: DType;
  readonly constraints: Map<Variable, Constraint> = new Map();
  private readonly definition: AnyDefinition;
  private readonly variables: Map<string, Variable> = new Map();
  private readonly regularizers: [Variable, Regularizer][] = [];
  private isBuilt = false;
  private isTrainable = true;

  constructor(definition: AnyDefinition, given: Readonly<Record<string, unknown>>) {
    this.definition = definition;
    this.className = definition.className;
    const where = factoryName(definition.className);
    checkOptionsObject(where, given);
    const { name, trainable = true, inputShape, inputDtype = "float32" } = given as LayerOptions;
    this.named = name !== undefined;
    this.name = name ?? toSnakeCase(definition.className);
    this.inputShape = inputShape;
    this.inputDtype = inputDtype;
    this.options = parseOptions(definition, given, name ?? where);
    this.isTrainable = trainable;
  }

  /** Whether optimizers change its weights. */
  get trainable(): boolean {
    return this.isTrainable;
  }
  /** @throws {TensorError} `option` unless it is true or false. */
  set trainable(value: boolean) {
    checkFlag(this.name, "trainable", value);
    this.isTrainable = value;
  }

  /** Whether the weights exist: they are made when the shape of the input is known. */
  get built(): boolean {
    return this.isBuilt;
  }

  get weights(): readonly Variable[] {
    return [...this.variables.values()];
  }

  get trainableWeights(): readonly Variable[] {
    return this.trainable ? this.weights.filter((weight) => weight.trainable) : [];
  }

  /** Those that optimizers leave as they are; all of them when the layer is not trainable. */
  get nonTrainableWeights(): readonly Variable[] {
    const trainable = this.trainableWeights;
    return this.weights.filter((weight) => !trainable.includes(weight));
  }

  /** Number of weights' elements. */
  countParams(): number {
    return this.weights.reduce((count, weight) => count + weight.size, 0);
  }

  /** Whether it can do something with a mask: compute with it, or hand it on. */
  get takesMask(): boolean {
    return this.definition.masking !== undefined;
  }

  /** The values of all weights, copied. */
  getWeights(): Tensor[] {
    return this.weights.map((weight) => weight.value);
  }

  /** Gives the layer and its weights another name. Models name the layers that have none of their own. */
  rename(name: string): void {
    this.name = name;
    for (const [key, variable] of this.variables) variable.name = `${name}/${key}`;
  }

  /** Replaces the values of all weights, in the order of {@link getWeights}. @throws {TensorError} `shape`. */
  setWeights(values: readonly TensorLike[]): void {
    assignWeights(this.name, this.weights, values);
  }

  /** Makes the weights for inputs of these shapes, batch axis first. Does nothing the second time. */
  build(shapes: readonly BatchShape[]): void {
    if (this.isBuilt) return;
    const known = shapes.map((shape) => shape.map((size) => size ?? 1));
    const specs = withScope(this.name, () => this.definition.weights?.(known, this.options) ?? {});
    for (const [name, spec] of Object.entries(specs)) {
      const { shape, initializer, regularizer, constraint, dtype, trainable = true } = spec;
      check(sizeOf(shape) < largestWeight, "memory", () => ({
        where: `${this.name}/${name}`,
        expected: `a weight of less than ${formatBytes(4 * largestWeight)}`,
        received: `one of ${formatBytes(4 * sizeOf(shape))}, shape [${shape.join(", ")}]`,
        remedy: "Use smaller batches or a smaller model.",
      }));
      const values =
        stored === undefined
          ? tensor(initializer.create(shape), undefined, dtype)
          : stored(`${this.name}/${name}`, shape, dtype ?? "float32");
      const variable = new Variable(`${this.name}/${name}`, values, trainable);
      this.variables.set(name, variable);
      if (regularizer != null) this.regularizers.push([variable, regularizer]);
      if (constraint != null) this.constraints.set(variable, constraint);
    }
    this.isBuilt = true;
  }

  /** Forgets the weights that {@link build} made: those around it did not fit. */
  unbuild(): void {
    this.variables.clear();
    this.regularizers.length = 0;
    this.constraints.clear();
    this.isBuilt = false;
  }

  /** The result for symbols, under the layer's name in errors and listings. */
  invoke(inputs: readonly SymbolicTensor[], context: CallContext): SymbolicTensor {
    this.build(inputs.map((input) => input.shape));
    return withScope(this.name, () => {
      const { inputs: arity } = this.definition;
      check(arity === "many" || inputs.length === 1, "shape", () => ({
        where: this.name,
        expected: "one input",
        received: `${inputs.length}`,
      }));
      const weights = Object.fromEntries([...this.variables].map(([name, variable]) => [name, read(variable)]));
      for (const [variable, regularizer] of this.regularizers)
        if (this.trainable) context.addLoss(regularizer.call(read(variable)));
      const x = arity === "one" ? inputs[0] : inputs;
      const trainable = this.trainable && context.frozen !== true;
      const update = (key: string, value: SymbolicTensor): void => {
        const weight = this.variables.get(key);
        if (weight === undefined) throw unknownName(this.name, "a weight", key, [...this.variables.keys()]);
        assign(weight, value);
      };
      const masks = inputs.map(maskOf);
      const scope = { options: this.options, weights, context, trainable, masks, update };
      const result = this.definition.call(x as never, scope);
      check(result instanceof SymbolicTensor, "dtype", () => ({
        where: this.name,
        expected: "a tensor as the result of the layer and of its activation",
        received: show(result),
        remedy: "Return what ops return.",
      }));
      const { activityRegularizer } = this.options as { activityRegularizer?: Regularizer | null };
      const { masking } = this.definition;
      const mask = typeof masking === "function" ? masking(inputs, masks, this.options) : masking && masks[0];
      if (mask !== undefined) setMask(result, mask);
      if (activityRegularizer != null) context.addLoss(activityPenalty(activityRegularizer, result));
      return result;
    });
  }

  /**
   * The layer on values, on symbols (inside `compiled`, `valueAndGrad` or another layer) or on the placeholders of a
   * functional model.
   * @param options `training` switches dropout and noise on; default false.
   */
  apply<const T extends Input | readonly Input[]>(x: T, options: ApplyOptions = {}): Applied<T> {
    return applyLayer(this, x, options) as Applied<T>;
  }

  /** The configuration as Keras writes it: snake_case, objects as `{ class_name, config }`. */
  getConfig(): Record<string, Json> {
    const own = withScope(this.name, () =>
      Object.entries(this.definition.fields).map(([key, field]) => [toSnakeCase(key), field.write(this.options[key])]),
    );
    return { name: this.name, trainable: this.trainable, dtype: "float32", ...Object.fromEntries(own) };
  }
}

/** The first values of a weight whose real ones are in a file. @throws {TensorError} for one that is not in it. */
export type StoredWeights = (name: string, shape: Shape, dtype: DType) => Tensor;

let stored: StoredWeights | undefined;

/** Runs `action`; weights that layers make meanwhile begin with the values of `source`, and initializers draw nothing. */
export function withStoredWeights<T>(source: StoredWeights, action: () => T): T {
  const before = stored;
  stored = source;
  try {
    return action();
  } finally {
    stored = before;
  }
}

/**
 * Makes a kind of layer, as all layers of wasmgrad are made. Give the factory the type of its options:
 * `const highway: (options: HighwayOptions) => Layer = defineLayer({ … })`.
 * @throws {TensorError} `option` for a definition that lacks something.
 */
/* @__NO_SIDE_EFFECTS__ */
export function defineLayer<F extends Fields, I extends "one" | "many">(
  definition: LayerDefinition<F, I>,
): (options?: object) => Layer {
  const parts = { className: "string", inputs: "string", fields: "object", call: "function" } as const;
  checkDefinition("defineLayer", definition, parts);
  return (options = {}) => new Layer(definition as unknown as AnyDefinition, options as Record<string, unknown>);
}

/** The penalty of a result [batch, ...] for one sample, so that its strength does not depend on the batch size. */
export function activityPenalty(regularizer: Regularizer, result: SymbolicTensor): SymbolicTensor {
  return divide(regularizer.call(result), Math.max(1, result.shape[0] ?? 1));
}

/** Replaces weights by values of the same shapes, all or none. @throws {TensorError} `shape`. */
export function assignWeights(where: string, weights: readonly Variable[], values: readonly TensorLike[]): void {
  check(Array.isArray(values) && values.length === weights.length, "shape", () => ({
    where: `${where}.setWeights`,
    expected: `${weights.length} arrays`,
    received: Array.isArray(values) ? `${values.length}` : show(values),
    remedy: weights.length === 0 ? "The layer has no weights, or is not built yet." : "Give one array for each weight.",
  }));
  const checked = values.map((value, index) => {
    const weight = weights[index] as Variable;
    const given = tensor(value, undefined, weight.dtype);
    check(given.shape.join() === weight.shape.join(), "shape", () => ({
      where: weight.name,
      expected: `shape [${weight.shape.join(", ")}]`,
      received: `[${given.shape.join(", ")}]`,
    }));
    return given;
  });
  checked.forEach((value, index) => {
    (weights[index] as Variable).assign(value);
  });
}
