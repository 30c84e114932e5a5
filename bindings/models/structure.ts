// What is a model made of, and how does it stand where a layer is wanted?

import type { Json } from "../config.ts";
import type { Constraint } from "../constraints.ts";
import { check, show } from "../errors.ts";
import { checkFlag, type SymbolicTensor, withScope } from "../graph.ts";
import { type Applied, type ApplyOptions, applyLayer } from "../layers/apply.ts";
import { type AnyLayer, assignWeights, type CallContext } from "../layers/layer.ts";
import type { BatchShape, Placeholder } from "../layers/placeholder.ts";
import type { DType, Tensor, TensorLike } from "../tensor.ts";
import type { Variable } from "../variable.ts";
import type { Topology } from "./topology.ts";

/** How a model comes to its layers: they are there from the start, or once the shape of the data is known. */
export interface Architecture {
  readonly className: "Sequential" | "Functional";
  /** Layers as given, before the shape is known. */
  readonly layers: readonly AnyLayer[];
  /** @param shape of the data with batch axis; undefined when they are not at hand. */
  readonly build: (where: string, shapes: readonly BatchShape[] | undefined, dtype: DType | undefined) => Topology;
  readonly getConfig: (topology: Topology) => Record<string, Json>;
}

/** The layers of a model, their weights, and the model as one layer of another. */
export class Structure implements AnyLayer {
  readonly className: "Sequential" | "Functional";
  name: string;
  named: boolean;
  private isTrainable = true;
  private readonly architecture: Architecture;
  /** undefined while the shape of the data is unknown. */
  protected known: Topology | undefined;
  /** Whether the memory of the model was given back. */
  protected disposed = false;

  constructor(architecture: Architecture, name: string | undefined) {
    this.architecture = architecture;
    this.className = architecture.className;
    this.name = name ?? architecture.className.toLowerCase();
    this.named = name !== undefined;
  }

  /** Whether optimizers change its weights; those of its layers must be trainable, too. Default true. */
  get trainable(): boolean {
    return this.isTrainable;
  }
  /** @throws {TensorError} `option` unless it is true or false. */
  set trainable(value: boolean) {
    checkFlag(this.name, "trainable", value);
    this.isTrainable = value;
  }

  // What it is made of ------------------------------------------------------------------------------------------------

  /** The layers in the order in which they run; a sequential model leaves its input layer out. */
  get layers(): readonly AnyLayer[] {
    return (
      this.known?.layers.filter((layer) => this.className === "Functional" || layer.className !== "InputLayer") ??
      this.architecture.layers
    );
  }

  /** Whether the layers have their weights. */
  get built(): boolean {
    return this.known !== undefined;
  }

  /** Inside and connections. @throws {TensorError} `state` while the shape of the input is unknown. */
  get topology(): Topology {
    return this.topologyFor(undefined, undefined);
  }

  /** All weights, layer by layer; a shared layer's once. @throws {TensorError} `state` before the shape is known. */
  get weights(): readonly Variable[] {
    return this.topology.weights;
  }

  /** Those that optimizers change; none when the model is not trainable. */
  get trainableWeights(): readonly Variable[] {
    return this.trainable ? this.topology.trainableWeights : [];
  }

  /** Those that optimizers leave as they are. */
  get nonTrainableWeights(): readonly Variable[] {
    const trainable = new Set(this.trainableWeights);
    return this.weights.filter((weight) => !trainable.has(weight));
  }

  get constraints(): ReadonlyMap<Variable, Constraint> {
    return this.topology.constraints;
  }

  /** Number of weights' elements. */
  countParams(): number {
    return this.weights.reduce((count, weight) => count + weight.size, 0);
  }

  /** The layer of this name, or at this position. @throws {TensorError} `name` when there is none. */
  getLayer(nameOrIndex: string | number): AnyLayer {
    const found =
      typeof nameOrIndex === "number"
        ? this.layers.at(nameOrIndex)
        : this.layers.find((layer) => layer.name === nameOrIndex);
    check(found !== undefined, "name", () => ({
      where: `${this.name}.getLayer`,
      expected: `one of ${this.layers.map((layer) => layer.name).join(", ")}`,
      received: show(nameOrIndex),
    }));
    return found;
  }

  /** The values of all weights, copied, layer by layer. */
  getWeights(): Tensor[] {
    return this.weights.map((weight) => weight.value);
  }

  /** Replaces the values of all weights, in the order of {@link getWeights}. @throws {TensorError} `shape`. */
  setWeights(values: readonly TensorLike[]): void {
    assignWeights(this.name, this.weights, values);
  }

  /** The configuration as Keras writes it. */
  getConfig(): Record<string, Json> {
    return { name: this.name, trainable: this.trainable, ...this.architecture.getConfig(this.topology) };
  }

  // As a layer --------------------------------------------------------------------------------------------------------

  rename(name: string): void {
    this.name = name;
  }

  /** Makes the weights for data of this shape, batch axis (null) first. */
  build(shapes: readonly BatchShape[]): void {
    this.topologyFor(shapes, undefined);
  }

  invoke(inputs: readonly SymbolicTensor[], context: CallContext): SymbolicTensor {
    const topology = this.topologyFor(
      inputs.map((input) => input.shape),
      inputs[0]?.dtype,
    );
    check(topology.outputs.length === 1, "unsupported", () => ({
      where: this.name,
      expected: "a model with one output where a layer is wanted",
      received: `${topology.outputs.length} outputs`,
    }));
    const inner = this.trainable ? context : { ...context, frozen: true };
    return withScope(this.name, () => topology.invoke(inputs, inner)[0] as SymbolicTensor);
  }

  /** The model on values, symbols or placeholders, like a layer. */
  apply<const T extends TensorLike | SymbolicTensor | Placeholder | readonly (SymbolicTensor | Placeholder | Tensor)[]>(
    x: T,
    options: ApplyOptions = {},
  ): Applied<T> {
    return applyLayer(this, x as never, options) as Applied<T>;
  }

  // Inside -----------------------------------------------------------------------------------------------------------

  /** The inside, built now unless it was. @throws {TensorError} `state` for a disposed model, or an unknown shape. */
  protected topologyFor(shapes: readonly BatchShape[] | undefined, dtype: DType | undefined): Topology {
    check(!this.disposed, "state", () => ({
      where: this.name,
      expected: "a model that is in use",
      received: "a disposed one",
    }));
    this.known ??= this.architecture.build(this.name, shapes, dtype);
    return this.known;
  }
}
