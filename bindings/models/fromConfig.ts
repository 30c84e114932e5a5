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
  const open: Application[] = [];
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

/** A layer that is to be applied once more. */
interface Application {
  readonly layer: AnyLayer;
  readonly name: string;
  readonly node: JsonRecord;
  readonly index: number;
}

/** Applies layers as soon as all their inputs are there, each looked at once for each of its inputs. */
function applyAll(open: readonly Application[], results: Map<string, Placeholder>): void {
  /** Those that wait, by the input that they miss first. */
  const waiting = new Map<string, Application[]>();
  let left = open.length;
  for (const each of open) {
    const ready = [each];
    for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
      const { layer, name, node, index } = next;
      const [first] = node.args as Json[];
      const many = Array.isArray(first);
      const keys = ((many ? first : node.args) as Json[]).map(referenceKey);
      const missing = keys.find((key) => !results.has(key));
      if (missing !== undefined) {
        const others = waiting.get(missing);
        if (others === undefined) waiting.set(missing, [next]);
        else others.push(next);
        continue;
      }
      const inputs = keys.map((key) => results.get(key) as Placeholder);
      const key = `${name} ${index}`;
      results.set(key, (layer as Layer).apply(many ? inputs : (inputs[0] as Placeholder)) as Placeholder);
      left--;
      ready.push(...(waiting.get(key) ?? []).reverse());
      waiting.delete(key);
    }
  }
  if (left > 0) {
    const [names, shown] = [[...waiting.values()].flat().map(({ name }) => name), 8];
    throw malformed(
      "layers whose inputs exist",
      `${names.slice(0, shown).join(", ")}${left > shown ? ` and ${left - shown} more` : ""}`,
    );
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
