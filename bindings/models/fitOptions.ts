// Are the options of fit such as fit takes?

import { checkOptionNames } from "../config.ts";
import { check, show } from "../errors.ts";
import type { FitOptions } from "./types.ts";

const callbackNames = ["onTrainBegin", "onTrainEnd", "onEpochBegin", "onEpochEnd", "onBatchEnd", "onProgress"] as const;
const fitOptionNames = [
  "batchSize",
  "epochs",
  "initialEpoch",
  "shuffle",
  "validationData",
  "validationSplit",
  "sampleWeight",
  "classWeight",
  "callbacks",
  "verbose",
  "signal",
];

/** @throws {TensorError} `option` for unknown names and bad values. */
export function checkFitOptions(where: string, options: FitOptions): void {
  checkOptionNames(where, options, fitOptionNames);
  const { validationSplit, validationData, verbose, shuffle, callbacks } = options;
  const share: unknown = validationSplit ?? 0;
  check(typeof share === "number" && share >= 0 && share < 1, "option", () => ({
    where: `${where}.validationSplit`,
    expected: "a number from 0 to below 1",
    received: show(validationSplit),
  }));
  check(validationSplit === undefined || validationData === undefined, "option", () => ({
    where,
    expected: "validationData or validationSplit",
    received: "both",
  }));
  check(
    validationData === undefined ||
      (Array.isArray(validationData) && (validationData.length === 2 || validationData.length === 3)),
    "option",
    () => ({
      where: `${where}.validationData`,
      expected: "[x, y] or [x, y, sampleWeight]",
      received: show(validationData),
    }),
  );
  check(
    verbose === undefined || verbose === "auto" || verbose === 0 || verbose === 1 || verbose === 2,
    "option",
    () => ({
      where: `${where}.verbose`,
      expected: '"auto", 0, 1 or 2',
      received: show(verbose),
    }),
  );
  check(callbacks === undefined || (Array.isArray(callbacks) && callbacks.every(isCallback)), "option", () => ({
    where: `${where}.callbacks`,
    expected: "a list of callbacks",
    received: show(callbacks),
  }));
  check(shuffle === undefined || typeof shuffle === "boolean", "option", () => ({
    where: `${where}.shuffle`,
    expected: "true or false",
    received: show(shuffle),
  }));
  checkSignal(where, options.signal);
}

/** @throws {TensorError} `option` unless `signal` is an AbortSignal or undefined. */
export function checkSignal(where: string, signal: unknown): void {
  const given = signal as Partial<AbortSignal> | null | undefined;
  check(
    given === undefined || (typeof given?.aborted === "boolean" && typeof given.throwIfAborted === "function"),
    "option",
    () => ({
      where: `${where}.signal`,
      expected: "an AbortSignal",
      received: show(signal),
      remedy: "Make an AbortController and give its signal.",
    }),
  );
}

function isCallback(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const given = value as Readonly<Record<string, unknown>>;
  return callbackNames.every((name) => given[name] === undefined || typeof given[name] === "function");
}
