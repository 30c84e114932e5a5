// What does a worker do for the model that its owner has sent it?

import type { Callback, ModelInTraining, TrainingInfo } from "../callbacks/callback.ts";
import { checkOptionNames } from "../config.ts";
import { configure } from "../configure.ts";
import { check, show } from "../errors.ts";
import type { DataLike } from "../models/data.ts";
import { decodeModel } from "../models/loading.ts";
import type { Model } from "../models/model.ts";
import { restoreModel } from "../models/restoring.ts";
import { savedWhatCanBe } from "../models/savedState.ts";
import { encodeModel } from "../models/saving.ts";
import { webLocks } from "../platform/locks.ts";
import { owner } from "../platform/spawn.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import {
  type AwaitedEvent,
  type Call,
  type FailureCause,
  type SentData,
  type ToOwner,
  type ToWorker,
  writeError,
} from "./messages.ts";
import { packResult, unpack } from "./parcel.ts";
import { ReadingFailed, RemoteDatasets } from "./remoteDatasets.ts";

/** What {@link serveModels} may be told. */
export interface ServeOptions {
  /**
   * Called with the model that was sent, before anything else is done with it: the place to compile it with losses and
   * metrics that are functions, which cannot be sent.
   */
  readonly prepare?: (model: Model<never, unknown, string>) => unknown;
}

/** A model of any kind: what its owner knows of its types does not matter here. */
type AnyModel = Model<DataLike, Tensor | Readonly<Record<string, Tensor>>, string>;

/** A call under way. */
interface Running {
  readonly abort: AbortController;
  /** Goes on with `fit` when the callbacks have handled an event. */
  resume: (() => void) | undefined;
  /** Whether a callback threw. */
  failed: boolean;
  /** The model as callbacks have it, while `fit` runs. */
  training: ModelInTraining | undefined;
  readonly datasets: RemoteDatasets;
}

/** What a callback that failed makes `fit` throw; the owner has the real error. */
const callbackFailed: unique symbol = Symbol("callback failed");

/**
 * Makes this worker the home of a model that `modelInWorker` sends. A worker file of your own registers its layers
 * and then calls it: `import { serveModels } from "wasmgrad/worker"; import "./layers.js"; serveModels();`
 * @returns when the worker listens.
 * @throws {TensorError} `state` outside a worker; `option` or `name` for options that are none.
 */
export async function serveModels(options: ServeOptions = {}): Promise<void> {
  checkOptionNames("serveModels", options, ["prepare"]);
  check(options.prepare === undefined || typeof options.prepare === "function", "option", () => ({
    where: "serveModels.prepare",
    expected: "a function that takes the model",
    received: show(options.prepare),
  }));
  const running = new Map<number, Running>();
  let model: AnyModel | undefined;
  const side = await owner((received) => {
    const message = received as ToWorker;
    if (message.kind === "call") void perform(message.id, message.call);
    else {
      const call = running.get(message.id);
      if (message.kind === "abort") call?.abort.abort();
      else if (message.kind === "stop") call?.training?.stopTraining();
      else if (message.kind === "dataset") call?.datasets.hear(message.reading, message.answer);
      else if (call !== undefined) {
        call.failed ||= message.failed;
        call.resume?.();
      }
    }
  });
  const tell = (message: ToOwner, transfer: Iterable<ArrayBuffer> = []): void => side.post(message, [...transfer]);

  async function perform(id: number, call: Call): Promise<void> {
    const datasets = new RemoteDatasets((reading, request) => tell({ kind: "dataset", id, reading, request }));
    const [abort, resume, training] = [new AbortController(), undefined, undefined];
    const state: Running = { abort, resume, failed: false, training, datasets };
    running.set(id, state);
    const transfer = new Set<ArrayBuffer>();
    try {
      if (call.name === "load") {
        if (Object.keys(call.engine).length > 0) await configure(call.engine);
        model = decodeModel(call.bytes, call.where) as unknown as AnyModel;
        await options.prepare?.(model as unknown as Model<never, unknown, string>);
        tell({ kind: "result", id, value: model.name });
        return;
      }
      check(model !== undefined, "internal", () => ({ where: "serveModels", expected: "a model", received: "none" }));
      const value = await (call.name === "fit"
        ? train(model, id, call, state)
        : answer(model, call, state, transfer, running));
      tell({ kind: "result", id, value }, transfer);
    } catch (error) {
      tell({ kind: "failure", id, cause: causeOf(error, abort.signal) });
    } finally {
      running.delete(id);
    }
  }

  function train(
    trained: AnyModel,
    id: number,
    call: Extract<Call, { name: "fit" }>,
    state: Running,
  ): Promise<unknown> {
    const failIfAsked = (): void => {
      if (state.failed) throw callbackFailed;
    };
    const awaited =
      (name: AwaitedEvent) =>
      async (...values: unknown[]): Promise<void> => {
        failIfAsked();
        await new Promise<void>((resolve) => {
          state.resume = resolve;
          tell({ kind: "event", id, name, values });
        });
        state.resume = undefined;
        failIfAsked();
      };
    const events: Callback = Object.fromEntries(
      call.events.map((name) => [
        name,
        name !== "onProgress"
          ? awaited(name)
          : ({ mode, done, total, logs }: Parameters<NonNullable<Callback["onProgress"]>>[0]) => {
              failIfAsked();
              tell({ kind: "progress", id, progress: { mode, done, total, logs: logs() } });
            },
      ]),
    );
    const callback: Callback = {
      ...events,
      onTrainBegin: async (info, training) => {
        state.training = training;
        // The model itself cannot be sent: the owner makes one of the same calls.
        await (events.onTrainBegin as ((info: TrainingInfo) => Promise<void>) | undefined)?.(info);
      },
    };
    const { data, validationData: held } = call;
    const validationData = held?.kind === "arrays" ? held.parts.map(unpack) : held && state.datasets.dataset(held);
    const options = {
      ...call.options,
      ...(validationData === undefined ? {} : { validationData: validationData as never }),
      verbose: 0,
      callbacks: [callback],
      signal: state.abort.signal,
    } as const;
    if (data.kind === "dataset") return trained.fit(state.datasets.dataset(data) as never, options);
    const [x, y, weights] = arraysOf(data);
    return trained.fit(x, y, { ...options, ...weights });
  }
  const lock = await holdLock();
  tell({ kind: "ready", ...(lock === undefined ? {} : { lock }) });
}

/** The name of a lock that this worker holds as long as it lives: a Web Worker that ends by itself tells nobody. */
async function holdLock(): Promise<string | undefined> {
  const locks = webLocks();
  if (locks === undefined) return undefined;
  const name = `wasmgrad ${crypto.randomUUID()}`;
  return new Promise((resolve) => {
    const hold = (): Promise<never> => {
      resolve(name);
      return new Promise(() => {});
    };
    locks.request(name, hold).catch(() => resolve(undefined));
  });
}

/** The result of any call but `load` and `fit`. */
async function answer(
  model: AnyModel,
  call: Exclude<Call, { name: "load" | "fit" }>,
  { abort, datasets }: Running,
  transfer: Set<ArrayBuffer>,
  running: ReadonlyMap<number, Running>,
): Promise<unknown> {
  switch (call.name) {
    case "evaluate": {
      const { data } = call;
      const options = { ...call.options, signal: abort.signal };
      if (data.kind === "dataset") return model.evaluate(datasets.dataset(data) as never, options);
      const [x, y, weights] = arraysOf(data);
      return model.evaluate(x, y, { ...options, ...weights });
    }
    case "predict": {
      const { data, options } = call;
      if (data.kind === "arrays") return packResult(model.predict(arraysOf(data)[0], options), transfer);
      const given = { ...options, signal: abort.signal };
      return packResult(await model.predict(datasets.dataset(data) as never, given), transfer);
    }
    case "save":
      return handedOver(await model.save(undefined, call.options), transfer);
    case "snapshot":
      return handedOver(encodeModel(savedWhatCanBe(model as unknown as Model<never, unknown, string>)), transfer);
    case "restore":
      return restored(model as unknown as Model<never, unknown, string>, call.bytes);
    case "backUp":
      return handedOver(await inTraining(running).backUp(), transfer);
    case "resume":
      return inTraining(running).resume(call.bytes);
    case "getLearningRate":
      return model.learningRate;
    case "setLearningRate":
      model.learningRate = call.rate;
      return undefined;
    case "useAverages":
      return model.trainer.state.useAverages(call.use);
    case "getWeights":
      return model.getWeights().map((weight) => packResult(weight, transfer));
    case "setWeights":
      return model.setWeights(call.values.map((value) => unpack(value) as TensorLike));
    case "summary":
      return model.summary({ print: () => {} });
  }
}

/** The model in the training that waits for a callback. */
function inTraining(running: ReadonlyMap<number, Running>): ModelInTraining {
  const [training] = [...running.values()].flatMap((call) => call.training ?? []);
  check(training !== undefined, "state", () => ({
    where: "backUp",
    expected: "training under way",
    received: "none",
    remedy: "Call it in a callback of fit.",
  }));
  return training;
}

function restored(model: Model<never, unknown, string>, bytes: Uint8Array): number {
  return restoreModel(model, savedWhatCanBe(model).metadata, bytes, `${model.name}.restore`);
}

/** x, y and, as an option, the weights of the samples. */
function arraysOf({
  parts,
}: Extract<SentData, { kind: "arrays" }>): readonly [
  x: DataLike,
  y: DataLike,
  weights: { readonly sampleWeight?: DataLike },
] {
  const [x, y, sampleWeight] = parts.map(unpack);
  return [x as DataLike, y as DataLike, sampleWeight === undefined ? {} : { sampleWeight }];
}

function causeOf(error: unknown, signal: AbortSignal): FailureCause {
  if (error === callbackFailed) return "callback";
  if (error instanceof ReadingFailed) return { reading: error.reading };
  return signal.aborted && error === signal.reason ? "aborted" : writeError(error);
}

function handedOver(bytes: Uint8Array, transfer: Set<ArrayBuffer>): Uint8Array {
  if (bytes.byteLength === bytes.buffer.byteLength) transfer.add(bytes.buffer as ArrayBuffer);
  return bytes;
}
