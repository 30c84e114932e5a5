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
  | "validationBatchSize"
  | "classWeight"
>;

/** A dataset that stays with the owner, who gives its elements when the worker asks for them. */
export interface SentDataset {
  readonly kind: "dataset";
  /** Its place among those of the call. */
  readonly source: number;
  readonly size: number | undefined;
}

/** What a call is about: arrays x, or x and y, or x, y and sampleWeight; or a dataset. */
export type SentData = { readonly kind: "arrays"; readonly parts: readonly Parcel[] } | SentDataset;

/** An element of a dataset: a batch, or the parts of one. */
export type SentElement = Parcel | readonly Parcel[];

/** A call of the owner. */
export type Call =
  | { readonly name: "load"; readonly where: string; readonly bytes: Uint8Array; readonly engine: EngineOptions }
  | {
      readonly name: "fit";
      readonly data: SentData;
      readonly validationData?: SentData;
      readonly options: PlainFitOptions;
      /** The functions that some callback has; the worker tells of no others. */
      readonly events: readonly (keyof Callback)[];
    }
  | {
      readonly name: "evaluate";
      readonly data: SentData;
      readonly options: { readonly batchSize?: number; readonly steps?: number };
    }
  | {
      readonly name: "predict";
      readonly data: SentData;
      readonly options: { readonly batchSize?: number; readonly steps?: number };
    }
  | { readonly name: "save"; readonly options: SaveOptions }
  /** The file of a model as {@link Call} `save` gives it, or without its optimizer where a file cannot hold that. */
  | { readonly name: "snapshot" }
  /** Puts back what `save` or `snapshot` gave. */
  | { readonly name: "restore"; readonly bytes: Uint8Array }
  /** What the model in training does under these names. */
  | { readonly name: "backUp" }
  | { readonly name: "resume"; readonly bytes: Uint8Array }
  | { readonly name: "useAverages"; readonly use: boolean }
  | { readonly name: "getLearningRate" }
  | { readonly name: "setLearningRate"; readonly rate: number }
  | { readonly name: "getWeights" }
  | { readonly name: "setWeights"; readonly values: readonly Parcel[] }
  | { readonly name: "summary" };

/** What the worker asks of a pass over a dataset: to begin, for one element more, to end. */
export type DatasetRequest =
  | { readonly name: "open"; readonly source: number; readonly pass: number; readonly ahead: number }
  | { readonly name: "more" }
  | { readonly name: "close" };

/** What the owner says of a pass: its elements, that these were all or the next one failed, and that it was ended. */
export type DatasetAnswer =
  | { readonly name: "element"; readonly element: SentElement }
  | { readonly name: "end" | "failed" }
  | { readonly name: "closed"; readonly failed: boolean };

/** What the owner sends. */
export type ToWorker =
  | { readonly kind: "call"; readonly id: number; readonly call: Call }
  /** The signal of a call was aborted. */
  | { readonly kind: "abort"; readonly id: number }
  /** A callback wants the training under way to stop. */
  | { readonly kind: "stop"; readonly id: number }
  /** The callbacks have handled an event that the worker waits for; or one of them failed, which ends the call. */
  | { readonly kind: "handled"; readonly id: number; readonly failed: boolean }
  /** Of pass number `reading` that the call has begun. */
  | { readonly kind: "dataset"; readonly id: number; readonly reading: number; readonly answer: DatasetAnswer };

/** What the worker sends. */
export type ToOwner =
  /** It listens; the lock is free as soon as it has ended. */
  | { readonly kind: "ready"; readonly lock?: string }
  | { readonly kind: "result"; readonly id: number; readonly value: unknown }
  | { readonly kind: "failure"; readonly id: number; readonly cause: FailureCause }
  /** Something for the callbacks; the worker waits until they have handled it. */
  | { readonly kind: "event"; readonly id: number; readonly name: AwaitedEvent; readonly values: unknown[] }
  | { readonly kind: "progress"; readonly id: number; readonly progress: ProgressReport }
  | { readonly kind: "dataset"; readonly id: number; readonly reading: number; readonly request: DatasetRequest };

/** {@link Progress} with its logs read. */
export type ProgressReport = Omit<Progress, "logs"> & { readonly logs: Logs };

/** Why a call failed: its signal, a callback or a pass over a dataset (the owner knows their errors), or the worker. */
export type FailureCause = "aborted" | "callback" | { readonly reading: number } | WrittenError;

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
