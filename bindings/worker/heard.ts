// Is what a worker posts one of the messages, and what it answers a result? Its file may be the user's, or of another version.

import { callbackEvents } from "../callbacks/callback.ts";
import { isSize } from "../formats/storedTensor.ts";
import { isWhole, type Tensor } from "../tensor.ts";
import type { ToOwner } from "./messages.ts";
import type { Parcel } from "./parcel.ts";

/** Most elements of a dataset that a worker may ask for ahead. */
const mostAhead = 64;

/** Whether `value` is what a worker may say. */
export function isToOwner(value: unknown): value is ToOwner {
  if (!isObject(value)) return false;
  const { kind, id, lock, name, values, cause, progress, reading, request } = value;
  if (kind === "ready") return lock === undefined || typeof lock === "string";
  if (!isSize(id)) return false;
  if (kind === "result") return true;
  if (kind === "failure") return isFailureCause(cause);
  if (kind === "event") return isEventName(name) && Array.isArray(values);
  if (kind === "progress") return isProgress(progress);
  return kind === "dataset" && isSize(reading) && isDatasetRequest(request);
}

function isEventName(name: unknown): boolean {
  return name !== "onProgress" && (callbackEvents as readonly unknown[]).includes(name);
}

function isFailureCause(cause: unknown): boolean {
  if (cause === "aborted" || cause === "callback") return true;
  if (!isObject(cause)) return false;
  return "reading" in cause ? isSize(cause.reading) : isWrittenError(cause);
}

function isWrittenError(error: Record<string, unknown>): boolean {
  const { name, message, stack, parts } = error;
  const { code, where, expected, received, remedy } = isObject(parts) ? parts : {};
  return (
    [name, message, stack ?? ""].every(isText) &&
    (parts === undefined || [code, where, expected, received, remedy ?? ""].every(isText))
  );
}

function isProgress(progress: unknown): boolean {
  if (!isObject(progress)) return false;
  const { mode, done, total, logs } = progress;
  return (
    (mode === "train" || mode === "test") && isNumber(done) && (total === undefined || isNumber(total)) && isLogs(logs)
  );
}

function isDatasetRequest(request: unknown): boolean {
  if (!isObject(request)) return false;
  const { name, source, pass, ahead } = request;
  if (name !== "open") return name === "more" || name === "close";
  return isSize(source) && isSize(pass) && isSize(ahead) && ahead >= 1 && ahead <= mostAhead;
}

// Results -------------------------------------------------------------------------------------------------------------

/** Whether this is text. */
export function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** Whether this is a number, NaN included. */
export function isNumber(value: unknown): value is number {
  return typeof value === "number";
}

/** Whether this is nothing. */
export function isNothing(value: unknown): value is undefined {
  return value === undefined;
}

/** Whether these are the bytes of a file. */
export function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}

/** Whether these are numbers by name. */
export function isLogs(value: unknown): value is Record<string, number> {
  return isObject(value) && Object.values(value).every(isNumber);
}

/** Whether these are lists of numbers by name. */
export function isHistory(value: unknown): value is Record<string, number[]> {
  return isObject(value) && Object.values(value).every((list) => Array.isArray(list) && list.every(isNumber));
}

/** Whether this is a packed tensor, or several by name. */
export function isOutputs(value: unknown): value is Parcel {
  if (!isObject(value)) return false;
  const { kind, values } = value;
  return kind === "record" ? isObject(values) && Object.values(values).every(isPacked) : isPacked(value);
}

/** Whether these are packed tensors. */
export function isWeights(value: unknown): value is Parcel[] {
  return Array.isArray(value) && value.every(isPacked);
}

function isPacked(parcel: unknown): boolean {
  if (!isObject(parcel)) return false;
  const { kind, value } = parcel;
  return kind === "tensor" && isObject(value) && isWhole(value as unknown as Tensor);
}

/** Not `isRecord`: a message may have any `kind`. */
function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}
