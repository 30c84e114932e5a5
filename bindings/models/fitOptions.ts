// Are the options of fit such as fit takes?

import { type Callback, callbackEvents } from "../callbacks/callback.ts";
import { checkOptionNames, isPlain } from "../config.ts";
import { check, show, unknownName } from "../errors.ts";
import { checkFlag } from "../graph.ts";
import { isDataset } from "./data.ts";
import { checkClassWeight } from "./sampleWeights.ts";
import type { FitOptions } from "./types.ts";

const datasetOptionNames: readonly string[] = [
  "epochs",
  "initialEpoch",
  "stepsPerEpoch",
  "validationData",
  "validationSteps",
  "validationBatchSize",
  "classWeight",
  "callbacks",
  "verbose",
  "signal",
];
const arrayOptionNames: readonly string[] = ["batchSize", "shuffle", "validationSplit", "sampleWeight"];

/** @throws {TensorError} `option` for unknown names and bad values, and for options that a dataset has no use for. */
export function checkFitOptions(where: string, options: FitOptions, dataset = false): void {
  checkOptionNames(where, options, [...datasetOptionNames, ...arrayOptionNames]);
  for (const name of dataset ? arrayOptionNames : [])
    check(!(name in options), "option", () => ({
      where: `${where}.${name}`,
      expected: "arrays with this option",
      received: "a dataset",
      remedy: "Let the dataset do it: batch(n), shuffle(n), batches [x, y, sampleWeight], take and skip.",
    }));
  const { validationSplit, validationData, verbose, shuffle = true, callbacks } = options;
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
      isDataset(validationData) ||
      (Array.isArray(validationData) && (validationData.length === 2 || validationData.length === 3)),
    "option",
    () => ({
      where: `${where}.validationData`,
      expected: "[x, y], [x, y, sampleWeight] or a dataset",
      received: show(validationData),
    }),
  );
  check([undefined, "auto", 0, 1, 2].includes(verbose), "option", () => ({
    where: `${where}.verbose`,
    expected: '"auto", 0, 1 or 2',
    received: show(verbose),
  }));
  checkCallbacks(`${where}.callbacks`, callbacks);
  if (options.classWeight !== undefined) checkClassWeight(`${where}.classWeight`, options.classWeight);
  checkFlag(where, "shuffle", shuffle);
  check(options.validationBatchSize === undefined || !isDataset(validationData), "option", () => ({
    where: `${where}.validationBatchSize`,
    expected: "arrays to validate on",
    received: "a dataset",
    remedy: "Let the dataset do it: batch(n).",
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

/** @throws {TensorError} `option` unless each of `callbacks` is one, and not a list or a promise of some; `name`. */
function checkCallbacks(where: string, callbacks: unknown): void {
  check(callbacks === undefined || Array.isArray(callbacks), "option", () => ({
    where,
    expected: "a list of callbacks",
    received: show(callbacks),
  }));
  for (const [index, each] of (callbacks ?? []).entries()) {
    check(isCallback(each), "option", () => ({
      where: `${where}[${index}]`,
      expected: "a callback: an object of functions such as onEpochEnd",
      received: show(each),
      ...(Array.isArray(each) ? { remedy: "Spread the list: [...callbacks]." } : {}),
      ...(each instanceof Promise ? { remedy: "Await it." } : {}),
    }));
    const strange = strangeEvent(each);
    if (strange !== undefined) throw unknownName(where, "a function of callbacks", strange, callbackEvents);
  }
}

function isCallback(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value) || "then" in value) return false;
  const given = value as Readonly<Record<string, unknown>>;
  const events = callbackEvents.filter((name) => given[name] !== undefined);
  if (events.length > 0) return events.every((name) => typeof given[name] === "function");
  // A map, a set, a date … would be ignored; misspelt events have a message of their own.
  return isPlain(value) || strangeEvent(value) !== undefined;
}

/** A function whose name is like those of callbacks but none of them: it would never be called. */
function strangeEvent(callback: object): string | undefined {
  for (let each = callback; each !== null && each !== Object.prototype; each = Object.getPrototypeOf(each)) {
    const names = Object.getOwnPropertyNames(each) as (keyof Callback)[];
    const found = names.find((name) => /^on(_|[A-Z])/.test(name) && !callbackEvents.includes(name));
    if (found !== undefined) return found;
  }
  return undefined;
}
