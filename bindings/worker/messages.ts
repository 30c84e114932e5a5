// What do the owner of a model in a worker and that worker say to each other?

import type { Callback, Logs, Progress } from "../callbacks/callback.ts";
import type { EngineOptions } from "../configure.ts";
import { type ErrorParts, TensorError } from "../errors.ts";
import type { SaveOptions } from "../models/savedState.ts";
import type { FitOptions } from "../models/types.ts";
import type { Parcel } from "./parcel.ts";

/** The functions of a callback that the worker waits for. */
export type AwaitedEvent = Exclude<keyof Callback, "onProgress">;

/** Options of `fit` that are plain data. */
export type PlainFitOptions = Pick<
  FitOptions,
  | "batchSize"
  | "epochs"
  | "initialEpoch"
  | "shuffle"
  | "validationSplit"
  | "stepsPerEpoch"
  | "validationSteps"
  | "classWeight"
>;

/** A call of the owner. */
export type Call =
  | { readonly name: "load"; readonly where: string; readonly bytes: Uint8Array; readonly engine: EngineOptions }
  | {
      readonly name: "fit";
      readonly x: Parcel;
      readonly y: Parcel;
      readonly validationData?: readonly Parcel[];
      readonly sampleWeight?: Parcel;
      readonly options: PlainFitOptions;
      /** The functions that some callback has; the worker tells of no others. */
      readonly events: readonly (keyof Callback)[];
    }
  | {
      readonly name: "evaluate";
      readonly x: Parcel;
      readonly y: Parcel;
      readonly sampleWeight?: Parcel;
      readonly options: { readonly batchSize?: number; readonly steps?: number };
    }
  | { readonly name: "predict"; readonly x: Parcel; readonly options: { readonly batchSize?: number } }
  | { readonly name: "save"; readonly options: SaveOptions }
  /** The file of a model as {@link Call} `save` gives it, or without its optimizer where a file cannot hold that. */
  | { readonly name: "snapshot" }
  /** Puts back what `save` or `snapshot` gave. */
  | { readonly name: "restore"; readonly bytes: Uint8Array }
  | { readonly name: "useAverages"; readonly use: boolean }
  | { readonly name: "getLearningRate" }
  | { readonly name: "setLearningRate"; readonly rate: number }
  | { readonly name: "getWeights" }
  | { readonly name: "setWeights"; readonly values: readonly Parcel[] }
  | { readonly name: "summary" };

/** What callbacks may ask of a training under way, at once and without an answer. */
export type Order = { readonly name: "stop" } | { readonly name: "begin"; readonly epoch: number };

/** What the owner sends. */
export type ToWorker =
  | { readonly kind: "call"; readonly id: number; readonly call: Call }
  /** The signal of a call was aborted. */
  | { readonly kind: "abort"; readonly id: number }
  /** What a callback wants of the training under way. */
  | { readonly kind: "order"; readonly id: number; readonly order: Order }
  /** The callbacks have handled an event that the worker waits for; or one of them failed, which ends the call. */
  | { readonly kind: "handled"; readonly id: number; readonly failed: boolean };

/** What the worker sends. */
export type ToOwner =
  /** It listens; the lock is free as soon as it has ended. */
  | { readonly kind: "ready"; readonly lock?: string }
  | { readonly kind: "result"; readonly id: number; readonly value: unknown }
  | { readonly kind: "failure"; readonly id: number; readonly cause: FailureCause }
  /** Something for the callbacks; the worker waits until they have handled it. */
  | { readonly kind: "event"; readonly id: number; readonly name: AwaitedEvent; readonly values: unknown[] }
  | { readonly kind: "progress"; readonly id: number; readonly progress: ProgressReport };

/** {@link Progress} with its logs read. */
export type ProgressReport = Omit<Progress, "logs"> & { readonly logs: Logs };

/** Why a call failed: its signal, one of its callbacks (the owner knows the error of both), or an error of the worker. */
export type FailureCause = "aborted" | "callback" | WrittenError;

/** An error as data. */
export interface WrittenError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** The parts of a {@link TensorError}. */
  readonly parts: (ErrorParts & Pick<TensorError, "code">) | undefined;
}

/** An error as data that any runtime can send. */
export function writeError(error: unknown): WrittenError {
  if (!(error instanceof Error)) return { name: "Error", message: String(error), stack: undefined, parts: undefined };
  const { name, message, stack } = error;
  if (!(error instanceof TensorError)) return { name, message, stack, parts: undefined };
  const { code, where, expected, received, remedy } = error;
  return {
    name,
    message,
    stack,
    parts: { code, where, expected, received, ...(remedy === undefined ? {} : { remedy }) },
  };
}

/** The error that {@link writeError} wrote. */
export function readError({ name, message, stack, parts }: WrittenError): Error {
  const error = parts === undefined ? new Error(message) : new TensorError(parts.code, parts);
  error.name = name;
  if (stack !== undefined) error.stack = stack;
  return error;
}
