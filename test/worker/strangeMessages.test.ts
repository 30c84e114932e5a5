// Is what a worker should not post an error for the caller, and never the end of this process?

import { Worker } from "node:worker_threads";
import { afterEach, expect, test } from "vitest";
import { generator } from "../../bindings/data/index.ts";
import { TensorError } from "../../bindings/errors.ts";
import type { WorkerModel } from "../../bindings/worker/index.ts";
import { modelInWorker } from "../../bindings/worker/index.ts";
import { classifier, samples } from "../training/problem.ts";
import * as built from "./library.ts";

type Remote = WorkerModel<never, never, string>;
const { x, y } = samples(40) as unknown as { readonly x: never; readonly y: never };
const faults: unknown[] = [];
process.on("uncaughtException", (cause) => faults.push(cause));
process.on("unhandledRejection", (cause) => faults.push(cause));
afterEach(async () => {
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(faults.splice(0)).toEqual([]);
});

interface Call {
  readonly kind: string;
  readonly id: number;
  readonly call: { readonly name: string };
}

/** A model in what looks like a worker: it answers `load`, and the call `instead` with `message`, and says nothing else. */
function strange(instead: string, message: unknown): Promise<Remote> {
  const say = (data: unknown): unknown => setTimeout(() => fake.onmessage({ data: structuredClone(data) }));
  const fake = {
    onmessage: (_: { readonly data: unknown }): void => {},
    postMessage: ({ kind, id, call }: Call): void => {
      const its = typeof message === "object" && message !== null && (message as { id?: unknown }).id === "its";
      if (kind === "call" && call.name === instead) say(its ? { ...message, id } : message);
      else if (kind === "call" && call.name === "load") say({ kind: "result", id, value: "fake" });
    },
    terminate: (): void => {},
  };
  const started = modelInWorker(classifier() as never, { worker: () => fake as never });
  say({ kind: "ready" });
  return started as Promise<Remote>;
}

async function errorOf(call: () => unknown): Promise<TensorError> {
  const error: unknown = await Promise.resolve()
    .then(call)
    .then(
      () => new Error("no error"),
      (cause: unknown) => cause,
    );
  if (error instanceof TensorError) return error;
  throw error;
}

const cause = { name: "Error", message: "no", stack: undefined, parts: undefined };
const progress = { mode: "train", done: 1, total: 2, logs: {} };

test.each<[string, unknown]>([
  ["nothing", undefined],
  ["null", null],
  ["a number", 7],
  ["text", "ready"],
  ["a list", [{ kind: "result" }]],
  ["an object", {}],
  ["a constructor of its own", { constructor: { name: 3 }, kind: "x" }],
  ["bytes", new Uint8Array(3)],
  ["an unknown kind", { kind: "resolve", id: "its" }],
  ["no call", { kind: "result" }],
  ["a call that is not a number", { kind: "result", id: {} }],
  ["a failure without cause", { kind: "failure", id: "its" }],
  ["a failure that is null", { kind: "failure", id: "its", cause: null }],
  ["an abortion that was not asked for", { kind: "failure", id: "its", cause: "aborted" }],
  ["a callback that has not failed", { kind: "failure", id: "its", cause: "callback" }],
  ["a pass that there is not", { kind: "failure", id: "its", cause: { reading: 5 } }],
  ["an error of no text", { kind: "failure", id: "its", cause: { ...cause, message: {} } }],
  ["an error of strange parts", { kind: "failure", id: "its", cause: { ...cause, parts: { code: 1 } } }],
  ["an event without values", { kind: "event", id: "its", name: "onEpochBegin" }],
  ["an unknown event", { kind: "event", id: "its", name: "constructor", values: [] }],
  ["no progress", { kind: "progress", id: "its" }],
  ["progress without logs", { kind: "progress", id: "its", progress: { ...progress, logs: null } }],
  ["a request that is none", { kind: "dataset", id: "its", reading: 0, request: null }],
  [
    "a dataset that was not lent",
    { kind: "dataset", id: "its", reading: 0, request: { name: "open", source: 3, pass: 0, ahead: 2 } },
  ],
  [
    "a billion batches",
    { kind: "dataset", id: "its", reading: 0, request: { name: "open", source: 0, pass: 0, ahead: 1e9 } },
  ],
  ["more of a pass that is not open", { kind: "dataset", id: "its", reading: 9, request: { name: "more" } }],
  ["a lock that is no name", { kind: "ready", lock: 4 }],
])("%s", async (_, message) => {
  const remote = await strange("summary", message);
  const batches = generator(function* () {
    for (;;) yield [x, y];
  }) as never;
  const endless = remote.fit(batches, { verbose: 0, stepsPerEpoch: 1e6 });
  endless.catch(() => {});
  const error = await errorOf(() => remote.summary({ print: () => {} }));
  expect(error.code).toBe("state");
  expect(error.message).toContain("messages of serveModels() from the worker");
  expect((await errorOf(() => endless)).code).toBe("state");
  expect((await errorOf(() => remote.predict(x))).code).toBe("state");
});

test.each<[string, (remote: Remote) => Promise<unknown>, unknown]>([
  ["summary", (remote) => remote.summary({ print: () => {} }), 3],
  ["fit", (remote) => remote.fit(x, y, { verbose: 0 }), { loss: 1 }],
  ["evaluate", (remote) => remote.evaluate(x, y), { loss: "low" }],
  ["predict", (remote) => remote.predict(x), undefined],
  ["predict", (remote) => remote.predict(x), { kind: "other", value: 1 }],
  [
    "predict",
    (remote) => remote.predict(x),
    { kind: "tensor", value: { shape: [9, 9], dtype: "float32", data: new Float32Array(3) } },
  ],
  [
    "predict",
    (remote) => remote.predict(x),
    { kind: "tensor", value: { shape: [3], dtype: "constructor", data: new Float32Array(3) } },
  ],
  [
    "predict",
    (remote) => remote.predict(x),
    { kind: "tensor", value: { shape: [3], dtype: "int32", data: [1, 2, 3] } },
  ],
  ["predict", (remote) => remote.predict(x), { kind: "record", values: { y: { kind: "record", values: {} } } }],
  ["getWeights", (remote) => remote.getWeights(), [null]],
  ["setWeights", (remote) => remote.setWeights([]), "yes"],
  ["save", (remote) => remote.save(), "bytes"],
  ["snapshot", (remote) => remote.copyTo(classifier() as never), {}],
])("%s with a result that is none", async (name, call, value) => {
  const remote = await strange(name, { kind: "result", id: "its", value });
  const error = await errorOf(() => call(remote));
  expect(error.code).toBe("state");
  expect(error.message).toContain("messages of serveModels() from the worker");
});

test.each([
  [{ kind: "resolve", id: "its" }, 'one of kind "resolve"'],
  [{ kind: {} }, "Object"],
  [[1], "[1]"],
  [null, "null"],
])("%j is named in the error", async (message, received) => {
  const remote = await strange("summary", message);
  expect((await errorOf(() => remote.summary({ print: () => {} }))).received).toBe(received);
});

test("a worker that sends no name for its model", async () => {
  expect((await errorOf(() => strange("load", { kind: "result", id: "its", value: null }))).code).toBe("state");
});

test.each([
  ["posts undefined", undefined, false],
  ["throws null", null, true],
])("a thread that %s", async (_, message, throws) => {
  const thread = new Worker(built.scriptURL("strangeWorker.mjs"), { workerData: { message, throws } });
  const remote = await built.worker.modelInWorker(built.classifier(), { worker: () => thread });
  const all = built.samples(40);
  const endless = remote.fit(all.x, all.y, { verbose: 0, epochs: 1e6 });
  const error = await built.errorOf(() => Promise.all([remote.summary({ print: () => {} }), endless]));
  expect(error.code).toBe("state");
  expect((await built.errorOf(() => endless)).code).toBe("state");
  await thread.terminate();
});

test.each([undefined, 5, {}, { postMessage: 1 }])("a function that starts %j instead of a worker", async (made) => {
  const error = await errorOf(() => modelInWorker(classifier() as never, { worker: (() => made) as never }));
  expect(error.where).toBe("modelInWorker.worker");
  expect(error.code).toBe("option");
});
