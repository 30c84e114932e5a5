// How is a network of connected layers made a model?

import { Model } from "./model.ts";
import { serializeTopology } from "./serialize.ts";
import type { Architecture } from "./structure.ts";
import { checkModelOptions, type Ports, Topology } from "./topology.ts";
import type { DataFor, ResultFor } from "./types.ts";

/** What {@link model} is made of. */
export interface ModelOptions<I extends Ports, O extends Ports> {
  /** What `input()` gave: one placeholder, or several by name. */
  readonly inputs: I;
  /** What comes out: one placeholder, or several by name. */
  readonly outputs: O;
  /** Default `"functional"`. */
  readonly name?: string;
}

/**
 * A model of layers applied to placeholders: `const x = input({ shape }); model({ inputs: x, outputs: layer.apply(x) })`.
 * Named inputs and outputs are records; data and results are records under the same names.
 * @throws {TensorError} `shape` when an output needs an input that is not given, `name` for equal layer names.
 */
export function model<const I extends Ports, const O extends Ports>(
  options: ModelOptions<I, O>,
): Model<DataFor<I>, ResultFor<O>> {
  checkModelOptions("model", options, ["inputs", "outputs", "name"]);
  const { inputs, outputs, name } = options;
  const topology = new Topology(name ?? "functional", inputs, outputs);
  const architecture: Architecture = {
    className: "Functional",
    layers: topology.layers,
    build: () => topology,
    getConfig: serializeTopology,
  };
  return new Model<DataFor<I>, ResultFor<O>>(architecture, name);
}
