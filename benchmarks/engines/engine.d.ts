// What must an engine be able to do? The same few things for each library, so that the suites know none of them.

/** A product C = A·B, a [m, k] × b [k, n] → [m, n]; a transposed operand is stored [k, m] or [n, k]. */
export interface Product {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** One direction of a convolution, channels last: a and b are x and kernel, dy and kernel, or x and dy. */
export interface Convolution {
  readonly direction: "forward" | "input" | "kernel";
  readonly shapes: Readonly<Record<"x" | "kernel" | "dy", readonly number[]>>;
  readonly options: {
    readonly strides: readonly number[];
    readonly dilations: readonly number[];
    readonly padding: readonly (readonly [before: number, after: number])[];
    readonly groups: number;
  };
}

/** Something to time: `run` does it `times` times in a row; the operands are in place before. */
export interface Job {
  run(times: number): void | Promise<void>;
  /** What it computes, to be checked before it is timed. */
  result(): Float32Array | Promise<Float32Array>;
  /** How often one run does it; 1 if not given. */
  readonly repetitions?: number;
  dispose?(): void | Promise<void>;
}

/** The network in training. */
export interface Training {
  /** Trains one epoch over all images, shuffled, with the accuracy of the batches. */
  epoch(): void | Promise<void>;
  /** Accuracy on the 10,000 test images. */
  accuracy(): number | Promise<number>;
  dispose?(): void | Promise<void>;
}

export interface TrainingTask {
  readonly way: "fit" | "loop";
  readonly batchSize: number;
  /** How many of the training images are used. */
  readonly images: number;
  readonly seed: number;
}

export interface PredictionTask {
  readonly batchSize: number;
  readonly weights: readonly { readonly shape: readonly number[]; readonly values: Float32Array }[];
  /** [batchSize, 784] */
  readonly input: Float32Array;
}

export interface VisionTask {
  readonly plan: ReturnType<typeof import("../vision.mjs").planOf>;
  /** Of each step of the plan. */
  readonly weights: readonly (readonly { readonly shape: readonly number[]; readonly values: Float32Array }[])[];
  /** [rows, columns, channels] */
  readonly input: Float32Array;
}

/** The plan, trained on one batch over and over; the loss is the mean cross-entropy. */
export interface VisionTrainingTask extends Omit<VisionTask, "input"> {
  /** A name of ../vision.mjs, for engines that bring the network with them. */
  readonly network: string;
  readonly optimizer: { readonly name: "adam" | "sgd"; readonly learningRate: number };
  readonly batchSize: number;
  /** [batchSize, rows, columns, channels] */
  readonly input: Float32Array;
  /** The class of each image. */
  readonly labels: Int32Array;
}

export interface VisionTraining {
  /** Forward, backward, update; the loss before the update. */
  step(): number | Promise<number>;
  dispose?(): void | Promise<void>;
}

export interface Engine {
  // A job for which the library has no means throws an `Inability`.

  /** @throws if the library cannot run with so many threads. */
  start(options: { readonly threads: number }): void | Promise<void>;
  matMul?(product: Product, a: Float32Array, b: Float32Array): Job | Promise<Job>;
  convolution?(convolution: Convolution, a: Float32Array, b: Float32Array): Job | Promise<Job>;
  prediction?(task: PredictionTask): Job | Promise<Job>;
  vision?(task: VisionTask): Job | Promise<Job>;
  visionTraining?(task: VisionTrainingTask): VisionTraining | Promise<VisionTraining>;
  training?(task: TrainingTask): Training | Promise<Training>;
  /** Only of `simd-peak`. */
  peak?():
    | (Pick<Job, "run"> & { readonly operations: number })
    | Promise<Pick<Job, "run"> & { readonly operations: number }>;
}
