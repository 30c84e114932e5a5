// Layers that are a function of one tensor and nothing else.

import { check, show, TensorError } from "../errors.ts";
import { errorPlace, type SymbolicTensor } from "../graph.ts";
import type { Field } from "./field.ts";
import { defineLayer, type Layer, type LayerOptions } from "./layer.ts";

/** x as it is: a place with a name, for instance where models are cut. */
export const identity: (options?: LayerOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "Identity",
  fields: {},
  inputs: "one",
  masking: "pass",
  call: (x) => x,
});

/** Options of {@link lambda}. */
export interface LambdaOptions extends LayerOptions {
  /** What the layer computes, made of `ops`. */
  readonly fn: (x: SymbolicTensor) => SymbolicTensor;
}

/**
 * fn(x). For a model that is saved with its architecture make a layer of its own with `defineLayer` instead: a file
 * cannot hold a function.
 */
export const lambda: (options: LambdaOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "Lambda",
  fields: { fn: /* @__PURE__ */ functionField() },
  inputs: "one",
  call: (x, { options }) => options.fn(x),
});

/* @__NO_SIDE_EFFECTS__ */
function functionField(): Field<LambdaOptions["fn"]> {
  return {
    parse: (value, where) => {
      check(typeof value === "function", "option", () => ({
        where,
        expected: "a function of ops",
        received: show(value),
      }));
      return value as LambdaOptions["fn"];
    },
    write: () => {
      throw new TensorError("unsupported", {
        where: errorPlace("lambda"),
        expected: "a layer that a configuration can hold",
        received: "a function",
        remedy: "Make it a layer of its own with defineLayer, and registerLayer it.",
      });
    },
  };
}
