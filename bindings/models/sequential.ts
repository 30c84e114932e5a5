// How is a chain of layers made a model?

import { check, show } from "../errors.ts";
import type { AnyLayer, Layer } from "../layers/layer.ts";
import type { BatchShape } from "../layers/placeholder.ts";
import type { DType, Tensor, TensorLike } from "../tensor.ts";
import { Model } from "./model.ts";
import { serializeLayer } from "./serialize.ts";
import type { Architecture } from "./structure.ts";
import { chain, checkModelOptions, Topology } from "./topology.ts";

/** Options of {@link sequential}. */
export interface SequentialOptions {
  /** Default `"sequential"`. */
  readonly name?: string;
}

/**
 * A model whose layers follow one another. With `inputShape` on the first layer (or an `inputLayer` in front) it is
 * built at once, otherwise when it first sees data.
 * @throws {TensorError} `option` when something is not a layer, `shape` when neighbours do not fit.
 */
export function sequential(layers: readonly AnyLayer[], options: SequentialOptions = {}): Model<TensorLike, Tensor> {
  checkModelOptions("sequential", options, ["name"]);
  const where = options.name ?? "sequential";
  check(Array.isArray(layers) && layers.length > 0, "option", () => ({
    where,
    expected: "a list of at least one layer",
    received: show(layers),
  }));
  const seen = new Set<AnyLayer>();
  for (const [index, layer] of layers.entries()) {
    check(typeof (layer as { invoke?: unknown } | null)?.invoke === "function", "option", () => ({
      where: `${where}[${index}]`,
      expected: "a layer",
      received: show(layer),
      remedy: "Call the factory: layers.dense({ units: 10 }).",
    }));
    check(!seen.has(layer), "option", () => ({
      where: `${where}[${index}]`,
      expected: "each layer once",
      received: `${layer.name} a second time`,
      remedy: "Share layers in a functional model.",
    }));
    seen.add(layer);
  }
  const [first] = layers as [Layer, ...AnyLayer[]];
  const declared =
    first.className === "InputLayer" ? (first.options as unknown as { shape: number[]; dtype: DType }) : undefined;
  const shape = declared?.shape ?? first.inputShape;
  const architecture: Architecture = {
    className: "Sequential",
    layers: [...layers],
    build: (name, shapes, dtype) => {
      const known = shape === undefined ? sampleShape(shapes) : shape;
      check(known !== undefined, "state", () => ({
        where: name,
        expected: "a known input shape",
        received: "none",
        remedy: "Give the first layer inputShape, call model.build([[null, …]]), or show it data with fit or predict.",
      }));
      check(
        Array.isArray(known) && known.every((size) => Number.isInteger(size) && (size as number) > 0),
        "shape",
        () => ({
          where: name,
          expected: "a shape [null, …] whose sizes after the batch are integers ≥ 1",
          received: show(shapes?.[0]),
        }),
      );
      const { inputs, outputs } = chain(
        name,
        layers,
        [null, ...known],
        declared?.dtype ?? (shape === undefined ? dtype : first.inputDtype) ?? "float32",
      );
      return new Topology(name, inputs, outputs);
    },
    getConfig: (topology) => ({ layers: topology.layers.map((layer) => serializeLayer(layer)) }),
  };
  const model = new Model<TensorLike, Tensor>(architecture, options.name);
  if (shape !== undefined) model.build([[null, ...shape]]);
  return model;
}

function sampleShape(shapes: readonly BatchShape[] | undefined): BatchShape | undefined {
  const [first] = shapes ?? [];
  return Array.isArray(first) ? first.slice(1) : first;
}
