// Are the options of a layer such as its fields allow?

import { check, show, unknownName } from "../errors.ts";
import { checkFlag } from "../graph.ts";
import { elementBytes } from "../tensor.ts";
import type { AnyDefinition, LayerOptions } from "./layer.ts";

const commonOptions: readonly string[] = ["name", "trainable", "inputShape", "inputDtype"];

/**
 * The options of a layer after checking, defaults filled in.
 * @throws {TensorError} `option` or `name`, at the name that the user gave or that of the factory.
 */
export function parseOptions(
  definition: AnyDefinition,
  given: Readonly<Record<string, unknown>>,
  where: string,
): Readonly<Record<string, unknown>> {
  const { inputShape, inputDtype, name, trainable = true } = given as LayerOptions;
  check(name === undefined || (typeof name === "string" && name !== "" && !name.includes("/")), "option", () => ({
    where: `${factoryName(definition.className)}.name`,
    expected: 'text without "/"',
    received: show(name),
  }));
  const known = Object.keys(definition.fields);
  for (const key of Object.keys(given))
    if (!known.includes(key) && !commonOptions.includes(key))
      throw unknownName(where, "an option", key, [...known, ...commonOptions]);
  checkFlag(where, "trainable", trainable);
  check(inputDtype === undefined || Object.keys(elementBytes).includes(inputDtype), "option", () => ({
    where: `${where}.inputDtype`,
    expected: Object.keys(elementBytes).join(" or "),
    received: show(inputDtype),
  }));
  check(
    inputShape === undefined ||
      (Array.isArray(inputShape) && [...inputShape].every((size) => Number.isInteger(size) && size > 0)),
    "option",
    () => ({
      where: `${where}.inputShape`,
      expected: "a list of integers ≥ 1, without the batch",
      received: show(inputShape),
    }),
  );
  const parsed = known.map((key) => [key, definition.fields[key]?.parse(given[key], `${where}.${key}`)]);
  return Object.freeze(Object.fromEntries(parsed));
}

/** `"ReLU"` → `"reLU"`, `"ELU"` → `"elu"`, `"RMSNormalization"` → `"rmsNormalization"`: the name of a class's factory. */
export function factoryName(className: string): string {
  return className.replace(/^(?:[A-Z]+$|[A-Z]+(?=[A-Z][a-z])|[A-Z])/, (start) => start.toLowerCase());
}
