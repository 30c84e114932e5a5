// How is a model made from its configuration, as serialize.ts writes it?

import type { Json } from "../config.ts";
import { show, TensorError } from "../errors.ts";
import { input } from "../layers/core.ts";
import { layerFromConfig } from "../layers/fromConfig.ts";
import type { AnyLayer, Layer } from "../layers/layer.ts";
import type { Placeholder } from "../layers/placeholder.ts";
import type { DType } from "../tensor.ts";
import { model as functional } from "./functional.ts";
import type { Model } from "./model.ts";
import { sequential } from "./sequential.ts";

type JsonRecord = { readonly [key: string]: Json };

/**
 * The model that serializeLayer wrote, with new weights.
 * @throws {TensorError} `format` when the configuration is not one of a model.
 */
export function modelFromConfig(className: string, config: JsonRecord): Model<never, never> {
  const built = className === "Sequential" ? sequentialFromConfig(config) : functionalFromConfig(className, config);
  built.trainable = config.trainable !== false;
  return built;
}

function sequentialFromConfig(config: JsonRecord): Model<never, never> {
  const layers = recordsOf(config.layers, "a list of layers").map(anyLayerFromConfig);
  return sequential(layers, { name: String(config.name) }) as unknown as Model<never, never>;
}

function anyLayerFromConfig(written: JsonRecord): AnyLayer {
  const className = String(written.class_name);
  const config = recordOf(written.config, "the configuration of a layer");
  if (className === "Sequential" || className === "Functional") return modelFromConfig(className, config);
  return layerFromConfig(className, config);
}

function functionalFromConfig(className: string, config: JsonRecord): Model<never, never> {
  if (className !== "Functional") throw malformed("a Sequential or Functional model", className);
  const written = recordsOf(config.layers, "a list of layers");
  const results = new Map<string, Placeholder>();
  const open: { layer: AnyLayer; name: string; node: JsonRecord; index: number }[] = [];
  for (const each of written) {
    const name = String(each.name);
    const settings = recordOf(each.config, "the configuration of a layer");
    if (each.class_name === "InputLayer") {
      const shape = (settings.batch_shape as (number | null)[]).slice(1) as number[];
      results.set(`${name} 0`, input({ shape, dtype: settings.dtype as DType, name }));
      continue;
    }
    const layer = anyLayerFromConfig(each);
    recordsOf(each.inbound_nodes, "inbound nodes").forEach((node, index) => {
      open.push({ layer, name, node, index });
    });
  }
  applyAll(open, results);
  const port = (history: Json): Placeholder => {
    const [name, index] = history as [string, number];
    const found = results.get(`${name} ${index}`);
    if (found === undefined) throw malformed("ports that name layers of the model", String(name));
    return found;
  };
  // Keras writes a list of ports where it was given one: a single one, or several under the names of their layers.
  const ports = (value: Json): Placeholder | Record<string, Placeholder> =>
    Array.isArray(value)
      ? Array.isArray(value[0])
        ? value.length === 1
          ? port(value[0])
          : Object.fromEntries(value.map((history) => [(history as string[])[0], port(history)]))
        : port(value)
      : Object.fromEntries(Object.entries(recordOf(value, "ports")).map(([name, history]) => [name, port(history)]));
  const model = functional({
    inputs: ports(config.input_layers as Json),
    outputs: ports(config.output_layers as Json),
    name: String(config.name),
  });
  return model as unknown as Model<never, never>;
}

/** Applies layers as soon as all their inputs are there. */
function applyAll(
  open: { layer: AnyLayer; name: string; node: JsonRecord; index: number }[],
  results: Map<string, Placeholder>,
): void {
  let waiting = open;
  while (waiting.length > 0) {
    const next = waiting.filter(({ layer, name, node, index }) => {
      const [first] = node.args as Json[];
      const many = Array.isArray(first);
      const inputs = ((many ? first : node.args) as Json[]).map((reference) => results.get(referenceKey(reference)));
      if (inputs.some((each) => each === undefined)) return true;
      const given = inputs as Placeholder[];
      results.set(`${name} ${index}`, (layer as Layer).apply(many ? given : (given[0] as Placeholder)) as Placeholder);
      return false;
    });
    if (next.length === waiting.length)
      throw malformed("layers whose inputs exist", next.map(({ name }) => name).join(", "));
    waiting = next;
  }
}

function referenceKey(reference: Json): string {
  const { config } = recordOf(reference, "a tensor reference");
  const [name, index] = recordOf(config as Json, "a tensor reference").keras_history as [string, number];
  return `${name} ${index}`;
}

function recordOf(value: Json | undefined, expected: string): JsonRecord {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed(expected, show(value));
  return value as JsonRecord;
}

function recordsOf(value: Json | undefined, expected: string): JsonRecord[] {
  if (!Array.isArray(value)) throw malformed(expected, show(value));
  return value.map((each) => recordOf(each, expected));
}

function malformed(expected: string, received: string): TensorError {
  return new TensorError("format", {
    where: "model configuration",
    expected,
    received,
    remedy: "The file is damaged or not a model.",
  });
}
