// What can watch a training run?

/** Losses and metrics by name; those of the validation data begin with `val`. */
export type Logs = Readonly<Record<string, number>>;

/** What is known before the first epoch. */
export interface TrainingInfo {
  readonly epochs: number;
  readonly initialEpoch: number;
  /** Steps of one epoch. */
  readonly steps: number;
  readonly batchSize: number;
  readonly samples: number;
}

/** How far a pass over data has come. */
export interface Progress {
  readonly mode: "train" | "test";
  /** Steps done, and steps of the whole pass. */
  readonly done: number;
  readonly total: number;
  /** The averages so far; reading them costs a few microseconds. */
  readonly logs: () => Logs;
}

/**
 * Watches `fit`. All functions are optional; those that return a promise are waited for, except `onProgress`.
 * `onBatchEnd` makes every step a call of its own and costs speed; `onProgress` comes every few milliseconds.
 */
export interface Callback {
  readonly onTrainBegin?: (info: TrainingInfo) => void | Promise<void>;
  /** The end, also one by an AbortSignal, but not one by an error. */
  readonly onTrainEnd?: () => void | Promise<void>;
  readonly onEpochBegin?: (epoch: number) => void | Promise<void>;
  readonly onEpochEnd?: (epoch: number, logs: Logs) => void | Promise<void>;
  readonly onBatchEnd?: (batch: number, logs: Logs) => void | Promise<void>;
  readonly onProgress?: (progress: Progress) => void;
}
