// What does `wasmgrad/worker` offer? Models that train and predict in a worker, so that a page or a server stays free.

import { checkOptionsObject } from "../config.ts";
import type { EngineOptions } from "../configure.ts";
import { check, show, TensorError } from "../errors.ts";
import type { Model } from "../models/model.ts";
import { readFile } from "../platform/files.ts";
import {
  adopt,
  type Spawned,
  type StartedWorker,
  spawn,
  type WorkerCode,
  type WorkerEvents,
} from "../platform/spawn.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import { Connection } from "./connection.ts";
import { isText } from "./heard.ts";
import { WorkerModel } from "./workerModel.ts";

export type { StartedWorker } from "../platform/spawn.ts";
export { type ServeOptions, serveModels } from "./serveModels.ts";
export type {
  TransferOptions,
  WorkerDatasetEvaluateOptions,
  WorkerDatasetFitOptions,
  WorkerDatasetPredictOptions,
  WorkerEvaluateOptions,
  WorkerFitOptions,
  WorkerModel,
  WorkerPredictOptions,
} from "./workerModel.ts";

/** How a model gets its worker. The other options are those of `configure`, for the engine in the worker. */
export interface WorkerOptions extends EngineOptions {
  /**
   * A worker file of your own that calls `serveModels()`: its URL, or a function that starts it,
   * `() => new Worker(new URL("./modelWorker.js", import.meta.url), { type: "module" })`, which is the form that bundlers
   * look for. Needed for layers of your own, and for bundlers that lose wasmgrad's own worker file (esbuild, Rollup).
   */
  readonly worker?: URL | (() => StartedWorker);
  /** Milliseconds until a worker that does not answer counts as failed. Default 30,000. */
  readonly startTimeout?: number;
}

/** Options of {@link modelInWorker}. */
export interface ModelInWorkerOptions extends WorkerOptions {
  /**
   * Send optimizer, loss, metrics and the state of training too. Default true. Without them the worker file compiles the
   * model: `serveModels({ prepare: (model) => model.compile(…) })`.
   */
  readonly includeOptimizer?: boolean;
}

/** wasmgrad's own worker file, which is built beside this one. */
const ownWorker: WorkerCode = {
  file: () => beside("./modelWorker.js", import.meta.url),
  web: () => new Worker(new URL("./modelWorker.js", import.meta.url), { type: "module" }),
  // The development server of Vite 5 to 7 runs this code in node_modules/.vite/deps and leaves the worker's file behind.
  elsewhere: () => new Worker(beside("../../wasmgrad/dist/worker/modelWorker.js", import.meta.url), { type: "module" }),
};

/** In a function of its own: bundlers take `new URL("…", import.meta.url)` for a file to copy. */
function beside(name: string, base: string): URL {
  return new URL(name, base);
}

/**
 * Sends a built model to a worker of its own, where training goes on with the same bits. The model here stays as it is;
 * `copyTo` brings the weights back.
 * @throws {TensorError} `state` for a model that is not built; `unsupported` for losses and metrics that are functions,
 *   and where no worker starts; `name` for layers that the worker does not know.
 */
export async function modelInWorker<I, O, M extends string>(
  model: Model<I, O, M>,
  options: ModelInWorkerOptions = {},
): Promise<WorkerModel<I, O, M>> {
  const where = "modelInWorker";
  checkOptionsObject(where, options);
  const { includeOptimizer = true, ...workerOptions } = options;
  check(typeof (model as Partial<Model> | null)?.save === "function", "option", () => ({
    where,
    expected: "a model",
    received: show(model),
  }));
  check(typeof includeOptimizer === "boolean", "option", () => ({
    where: `${where}.includeOptimizer`,
    expected: "true or false",
    received: show(includeOptimizer),
  }));
  const bytes = await model.save(undefined, { includeOptimizer }).catch((cause: unknown) => {
    if (!(cause instanceof TensorError) || cause.code !== "unsupported") throw cause;
    const remedy =
      "Pass { includeOptimizer: false, worker } with a worker file that compiles the model: serveModels({ prepare }).";
    throw new TensorError("unsupported", { ...cause, where, remedy }, { cause });
  });
  return open<I, O, M>(where, bytes, workerOptions);
}

/**
 * The model in a file, in a worker of its own: what `loadModel` does, elsewhere.
 * @param source path of a file, or its bytes, which are not changed.
 * @throws {TensorError} what `loadModel` throws, and what {@link modelInWorker} throws about workers.
 */
export async function loadModelInWorker(
  source: string | Uint8Array | ArrayBuffer,
  options: WorkerOptions = {},
): Promise<WorkerModel<TensorLike, Tensor, string>> {
  const where = "loadModelInWorker";
  checkOptionsObject(where, options);
  check(typeof source === "string" || source instanceof Uint8Array || source instanceof ArrayBuffer, "option", () => ({
    where,
    expected: "a path, a Uint8Array or an ArrayBuffer",
    received: show(source),
  }));
  const bytes = typeof source === "string" ? await readFile(source) : new Uint8Array(source).slice();
  return open(where, bytes, options);
}

/** @param bytes nobody else's: they are handed over. */
async function open<I, O, M extends string>(
  where: string,
  bytes: Uint8Array,
  options: WorkerOptions,
): Promise<WorkerModel<I, O, M>> {
  const { worker, startTimeout = 30_000, ...engine } = options;
  check(worker === undefined || worker instanceof URL || typeof worker === "function", "option", () => ({
    where: `${where}.worker`,
    expected: "the URL of a worker file or a function that starts a worker",
    received: show(worker),
  }));
  check(typeof startTimeout === "number" && startTimeout > 0 && startTimeout <= 0x7fffffff, "option", () => ({
    where: `${where}.startTimeout`,
    expected: "milliseconds above 0",
    received: show(startTimeout),
  }));
  const connection = new Connection(where, (events) => start(where, worker, events), startTimeout);
  const transfer = bytes.byteLength === bytes.buffer.byteLength ? [bytes.buffer as ArrayBuffer] : [];
  try {
    const call = { name: "load", where, bytes, engine } as const;
    const name = await connection.call(where, () => ({ call, transfer }), isText);
    return new WorkerModel<I, O, M>(name, connection);
  } catch (cause) {
    connection.stop();
    throw cause instanceof TensorError && cause.where === "layerFromConfig" ? unknownLayer(where, cause) : cause;
  }
}

async function start(where: string, worker: WorkerOptions["worker"], events: WorkerEvents): Promise<Spawned> {
  if (typeof worker === "function") {
    const made: unknown = worker();
    const { postMessage, terminate } = (made ?? {}) as Partial<StartedWorker>;
    check(typeof postMessage === "function" && typeof terminate === "function", "option", () => ({
      where: `${where}.worker`,
      expected: "a function that returns a worker it has started",
      received: `one that returns ${show(made)}`,
    }));
    return adopt(made as StartedWorker, events);
  }
  if (worker === undefined) return spawn(ownWorker, events);
  return spawn({ file: () => worker, web: () => new Worker(worker, { type: "module" }) }, events);
}

function unknownLayer(where: string, cause: TensorError): TensorError {
  return new TensorError(
    "name",
    {
      where,
      expected: "layers that the worker knows",
      received: cause.received,
      remedy:
        'Write a worker file that imports your layers, calls registerLayer("Name", factory) and serveModels(), ' +
        "and pass { worker }.",
    },
    { cause },
  );
}
