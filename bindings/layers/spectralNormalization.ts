// How is a layer kept from stretching its input: by dividing its kernel by the largest singular value of it?

import { check, show } from "../errors.ts";
import { read, type SymbolicTensor } from "../graph.ts";
import { truncatedNormal } from "../initializers.ts";
import { divide, equal, maximum, multiply, rsqrt, square, where } from "../ops/map.ts";
import { matMul } from "../ops/matMul.ts";
import { assign } from "../ops/optimize.ts";
import { sum } from "../ops/reduce.ts";
import { reshape } from "../ops/view.ts";
import type { Variable } from "../variable.ts";
import { type Field, positiveInteger } from "./field.ts";
import { type AnyDefinition, Layer, type LayerDefinition, type LayerOptions } from "./layer.ts";
import type { BatchShape } from "./placeholder.ts";

/** Options of {@link spectralNormalization}. */
export interface SpectralNormalizationOptions extends LayerOptions {
  /** The layer whose weight `kernel`, or `embeddings`, is normalised. */
  readonly layer: Layer;
  /** Steps towards the singular vectors in each training step. Default 1. */
  readonly powerIterations?: number;
}

const fields: { readonly powerIterations: Field<number>; readonly layer: Field<Layer> } = {
  powerIterations: {
    parse: (value, where) => (value === undefined ? 1 : positiveInteger().parse(value, where)),
    write: (value) => value,
  },
  layer: {
    parse: (value, where) => {
      check(value instanceof Layer, "option", () => ({ where, expected: "a layer", received: show(value) }));
      return value;
    },
    write: (layer) => ({ class_name: layer.className, config: layer.getConfig() }),
  },
};

const definition: LayerDefinition<typeof fields, "one"> = {
  className: "SpectralNormalization",
  fields,
  inputs: "one",
  weights: (shapes, { layer }) => {
    layer.build(shapes);
    const columns = kernelOf(layer).shape.at(-1) as number;
    return { vector_u: { shape: [1, columns], initializer: truncatedNormal({ stddev: 0.02 }), trainable: false } };
  },
  call: (x, { options: { layer, powerIterations }, weights, context, trainable, update }) => {
    if (context.training) {
      const kernel = kernelOf(layer);
      const { factor, u } = singular(read(kernel), weights.vector_u as SymbolicTensor, powerIterations);
      update("vector_u", u);
      assign(kernel, divide(read(kernel), factor));
    }
    return layer.invoke([x], { ...context, frozen: !trainable });
  },
};

/**
 * σ = v·W·uᵀ with v = u·Wᵀ and u = v·W of length 1, so often in turns; kernel as W [rows, columns], u [1, columns]. A kernel
 * of zeros has the factor 1 and leaves u as it was.
 */
function singular(
  kernel: SymbolicTensor,
  start: SymbolicTensor,
  iterations: number,
): { readonly factor: SymbolicTensor; readonly u: SymbolicTensor } {
  const columns = start.size;
  const matrix = reshape(kernel, [kernel.size / columns, columns]);
  let u = start;
  let v = start;
  for (let iteration = 0; iteration < iterations; iteration++) {
    v = unit(matMul(u, matrix, { transposeB: true }));
    u = unit(matMul(v, matrix));
  }
  const sigma = sum(multiply(matMul(v, matrix), u));
  const nothing = equal(sigma, 0);
  return { factor: where(nothing, 1, sigma), u: where(nothing, start, u) };
}

/** Shortest length, squared, that is divided by. */
const shortestSquared = 1e-14;

function unit(x: SymbolicTensor): SymbolicTensor {
  return multiply(x, rsqrt(maximum(sum(square(x)), shortestSquared)));
}

function kernelOf(layer: Layer): Variable {
  const found = ["kernel", "embeddings"].flatMap((key) =>
    layer.weights.filter((weight) => weight.name.split("/").pop() === key),
  );
  check(found.length > 0, "option", () => ({
    where: "spectralNormalization.layer",
    expected: "a layer with a weight kernel or embeddings",
    received: layer.className,
  }));
  return found[0] as Variable;
}

/** What has the weights of the layer inside it. */
class SpectralNormalization extends Layer {
  private get wrapped(): Layer {
    return this.options.layer as Layer;
  }

  override get weights(): readonly Variable[] {
    const [kernel, ...others] = this.built ? this.wrappedWeights() : [];
    return kernel === undefined ? [] : [kernel, ...super.weights, ...others];
  }

  override get trainableWeights(): readonly Variable[] {
    return this.trainable ? this.wrapped.trainableWeights : [];
  }

  override get takesMask(): boolean {
    return this.wrapped.takesMask;
  }

  override build(shapes: readonly BatchShape[]): void {
    if (this.built) return;
    super.build(shapes);
    for (const [weight, constraint] of this.wrapped.constraints) this.constraints.set(weight, constraint);
    this.rename(this.name);
  }

  override unbuild(): void {
    super.unbuild();
    this.wrapped.unbuild();
  }

  override rename(name: string): void {
    super.rename(name);
    for (const weight of this.wrapped.weights) weight.name = `${name}/${weight.name.split("/").pop()}`;
  }

  /** The kernel first. */
  private wrappedWeights(): readonly Variable[] {
    const kernel = kernelOf(this.wrapped);
    return [kernel, ...this.wrapped.weights.filter((weight) => weight !== kernel)];
  }
}

/**
 * The layer with its kernel divided by the largest singular value σ of it, so that σ becomes 1: before each training step the
 * kernel itself is replaced by kernel / σ, σ from `powerIterations` steps of the power method (Miyato et al., 2018). As in
 * Keras, no gradient goes through σ, and predicting uses the kernel as training left it.
 * @throws {TensorError} `option` for a layer without a weight `kernel` or `embeddings`.
 */
export function spectralNormalization(options: SpectralNormalizationOptions): Layer {
  return new SpectralNormalization(
    definition as unknown as AnyDefinition,
    options as unknown as Record<string, unknown>,
  );
}
