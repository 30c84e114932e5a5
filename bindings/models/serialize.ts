// How is a model written as configuration? In the form of Keras 3.

import type { Json } from "../config.ts";
import type { AnyLayer } from "../layers/layer.ts";
import type { Placeholder } from "../layers/placeholder.ts";
import type { Topology } from "./topology.ts";

/** `{ class_name, config }` of a layer, or of a model used as one. */
export function serializeLayer(layer: AnyLayer): Record<string, Json> {
  const config = layer.getConfig();
  if (layer.className !== "InputLayer") return { class_name: layer.className, config };
  const { shape, ...rest } = config;
  return { class_name: layer.className, config: { ...rest, batch_shape: [null, ...(shape as number[])] } };
}

/** Layers with the applications that connect them: each input is named by (layer, application, output). */
export function serializeTopology(topology: Topology): Record<string, Json> {
  const applications = new Map<AnyLayer, Placeholder[]>();
  for (const step of topology.steps) {
    const known = applications.get(step.call.layer) ?? [];
    known.push(step);
    applications.set(step.call.layer, known);
  }
  const history = (placeholder: Placeholder): Json[] => {
    const { layer } = placeholder.call;
    return [layer.name, (applications.get(layer) as Placeholder[]).indexOf(placeholder), 0];
  };
  const reference = (placeholder: Placeholder): Json => ({
    class_name: "__keras_tensor__",
    config: { shape: [...placeholder.shape], dtype: placeholder.dtype, keras_history: history(placeholder) },
  });
  const layers = topology.layers.map((layer) => ({
    ...serializeLayer(layer),
    name: layer.name,
    inbound_nodes: (applications.get(layer) as Placeholder[])
      .filter((step) => step.call.inputs.length > 0)
      .map((step) => {
        const references = step.call.inputs.map(reference);
        return { args: step.call.many ? [references] : references, kwargs: {} };
      }),
  }));
  const ports = (names: readonly string[] | undefined, placeholders: readonly Placeholder[]): Json =>
    names === undefined
      ? history(placeholders[0] as Placeholder)
      : Object.fromEntries(names.map((name, index) => [name, history(placeholders[index] as Placeholder)]));
  return {
    layers,
    input_layers: ports(topology.inputNames, topology.inputs),
    output_layers: ports(topology.outputNames, topology.outputs),
  };
}
