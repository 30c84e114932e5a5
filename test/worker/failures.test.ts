// What happens when a worker cannot start, dies, is stopped, or lacks what a model needs? A clear error, never a hang.

import { Worker } from "node:worker_threads";
import { afterEach, expect, test } from "vitest";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import type { Wrong } from "../models/refusal.ts";
import { classifier, data, distSource, errorOf, samples, scriptURL, wasmgrad, worker } from "./library.ts";

const { defineLayer, layers, ops, sequential } = wasmgrad;
const { modelInWorker, loadModelInWorker } = worker;
const { x, y } = samples(40);
const open: { stop(): void }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.stop();
});

test("errors of the model arrive whole", async () => {
  const model = classifier();
  const remote = await modelInWorker(model);
  open.push(remote);
  const wrong = Int32Array.from({ length: 40 }, () => 7);
  const there = await errorOf(() => remote.fit(x, wrong, { verbose: 0 }));
  const here = await errorOf(() => model.fit(x, wrong, { verbose: 0 }));
  for (const part of ["name", "message", "code", "where", "expected", "received", "remedy"] as const)
    expect(there[part], part).toBe(here[part]);
  expect(there.stack).toContain("checkLabels");
});

test("stop ends calls under way and refuses later ones; a second stop is harmless", async () => {
  const remote = await modelInWorker(classifier());
  const many = samples(20_000);
  const fit = remote.fit(many.x, many.y, { verbose: 0, epochs: 1000, batchSize: 2 });
  await remote.predict(x);
  const prediction = remote.predict(many.x);
  remote.stop();
  expect((await errorOf(() => fit)).message).toContain("expected a worker that runs, received one that was stopped");
  expect((await errorOf(() => prediction)).code).toBe("state");
  remote.stop();
  expect((await errorOf(() => remote.predict(x))).code).toBe("state");
  const disposed = await modelInWorker(classifier());
  disposed[Symbol.dispose]();
  expect((await errorOf(() => disposed.getWeights())).code).toBe("state");
});

test("a worker that dies leaves an error in every call, also in one that waits for a callback", async () => {
  const remote = await modelInWorker(classifier(), { worker: scriptURL("dyingWorker.mjs") });
  const never = new Promise<void>(() => {});
  const fit = remote.fit(x, y, { verbose: 0, callbacks: [{ onEpochEnd: () => never }] });
  await remote.predict(x);
  await remote.predict(x.slice(0, 13));
  const error = await errorOf(() => fit);
  expect(error.message).toContain("received one that ended: the worker ended with status 3");
  expect(error.code).toBe("state");
  expect((await errorOf(() => remote.evaluate(x, y))).message).toBe(error.message);
});

test("a worker file that is missing, broken, silent, or ends, is an error with a remedy", async () => {
  const silent = { worker: scriptURL("silentWorker.mjs"), startTimeout: 300 };
  const empty = new URL(`data:text/javascript,${encodeURIComponent("void 0")}`);
  const broken = new URL(`data:text/javascript,${encodeURIComponent("throw new TypeError('oh')")}`);
  for (const [options, received] of [
    [{ worker: new URL("./missing.mjs", import.meta.url) }, "missing.mjs"],
    [{ worker: broken }, "oh"],
    [{ worker: empty }, "the worker ended with status 0"],
    [silent, "nothing for 0.3 s"],
    [{ worker: () => new Worker(silent.worker), startTimeout: 300 }, "nothing for 0.3 s"],
    [
      {
        worker: () => {
          throw new Error("no workers today");
        },
      },
      "no workers today",
    ],
  ] as const) {
    const error = await errorOf(() => modelInWorker(classifier(), options));
    expect(error.message).toMatch(/^modelInWorker: expected a worker that starts and serves a model, received .*/);
    expect(error.received).toContain(received);
    expect(error.code).toBe("unsupported");
    expect(error.remedy).toContain("serveModels()");
  }
});

test("options are checked, those of the engine where the engine is", async () => {
  const model = classifier();
  for (const [options, text] of [
    [{ worker: "file.js" }, "modelInWorker.worker: expected the URL"],
    [{ startTimeout: 0 }, "modelInWorker.startTimeout: expected milliseconds"],
    [{ includeOptimizer: 1 }, "modelInWorker.includeOptimizer: expected true or false"],
    [{ threads: -1 }, "configure.threads: expected"],
    [{ wings: 2 }, "wings"],
  ] as const)
    expect((await errorOf(() => modelInWorker(model, options as Wrong))).message).toContain(text);
  expect((await errorOf(() => modelInWorker(null as Wrong))).message).toContain("modelInWorker: expected a model");
  expect((await errorOf(() => loadModelInWorker(7 as Wrong))).message).toContain("loadModelInWorker: expected a path");
  const damaged = (await model.save()).fill(7, 300, 310);
  expect((await errorOf(() => loadModelInWorker(damaged))).code).toBe("format");
  const single = await modelInWorker(model, { threads: 1 });
  open.push(single);
  expect((await single.evaluate(x, y)).loss).toBe((await model.evaluate(x, y)).loss);
});

test("what is no object of options is refused, before anything is sent", async () => {
  const remote = await modelInWorker(classifier());
  open.push(remote);
  const bytes = await classifier().save();
  for (const given of [null, 5, "epochs", [], new Map(), Promise.resolve({ epochs: 3 })] as Wrong[])
    for (const [where, call] of [
      ["sequential.fit", () => remote.fit(x, y, given)],
      ["sequential.evaluate", () => remote.evaluate(x, y, given)],
      ["sequential.predict", () => remote.predict(x, given)],
      ["sequential.summary", () => remote.summary(given)],
      ["modelInWorker", () => modelInWorker(classifier(), given)],
      ["loadModelInWorker", () => loadModelInWorker(bytes, given)],
      ["serveModels", () => worker.serveModels(given)],
    ] as const)
      expect((await errorOf(call)).message).toMatch(`${where}: expected an object of options, received `);
  const dataset = data.fromArrays({ x, y }).batch(8);
  expect((await errorOf(() => remote.fit(dataset as Wrong, null as Wrong))).where).toBe("sequential.fit");
  for (const [text, call] of [
    ["sequential.summary: expected the name of an option (print)", () => remote.summary({ prnt() {} } as Wrong)],
    ["sequential.summary.print: expected a function", () => remote.summary({ print: 5 } as Wrong)],
    ["serveModels: expected the name of an option (prepare)", () => worker.serveModels({ prepared() {} } as Wrong)],
    ["serveModels.prepare: expected a function", () => worker.serveModels({ prepare: 5 } as Wrong)],
  ] as const)
    expect((await errorOf(call)).message).toContain(text);
});

test("layers of one's own need a worker file that knows them", async () => {
  const swish = defineLayer({
    className: "Swish",
    fields: {},
    inputs: "one",
    call: (values) => ops.multiply(values, ops.sigmoid(values)),
  });
  const model = sequential([layers.dense({ units: 4, inputShape: [6] }), swish()]);
  const error = await errorOf(() => modelInWorker(model));
  expect(error.message).toContain('expected layers that the worker knows, received "Swish". Write a worker file');
  const file = scriptURL("ownWorker.mjs");
  for (const given of [file, () => new Worker(file)]) {
    const remote = await modelInWorker(model, { worker: given });
    open.push(remote);
    expect((await remote.predict(x)).data).toEqual(model.predict(x).data);
  }
});

test("losses of one's own need a worker file that compiles the model with them", async () => {
  const loss = (yTrue: SymbolicTensor, yPred: SymbolicTensor): SymbolicTensor => ops.abs(ops.subtract(yTrue, yPred));
  const model = sequential([layers.dense({ units: 1, inputShape: [6] })], { name: "own-loss" });
  const compiled = model.compile({ optimizer: "sgd", loss });
  const error = await errorOf(() => modelInWorker(compiled));
  expect(error.message).toContain("modelInWorker: expected a loss that a name and options describe");
  expect(error.remedy).toContain("serveModels({ prepare })");
  const remote = await modelInWorker(compiled, { worker: scriptURL("ownWorker.mjs"), includeOptimizer: false });
  open.push(remote);
  const options = { verbose: 0, shuffle: false } as const;
  const targets = Float32Array.from(y.data);
  expect(
    await remote.fit(
      x,
      [...targets].map((each) => [each]),
      options,
    ),
  ).toEqual(
    await compiled.fit(
      x,
      [...targets].map((each) => [each]),
      options,
    ),
  );
  await remote.copyTo(model);
  expect(model.getWeights()[0]?.data).toEqual((await remote.getWeights())[0]?.data);
});

test("serveModels outside a worker says so", async () => {
  const script = `import(${JSON.stringify(new URL("../../dist/node/worker/index.js", import.meta.url).href)})`;
  const { execFile } = await import("node:child_process");
  const output = await new Promise<string>((resolve) => {
    execFile(process.execPath, ["-e", `${script}.then((it) => it.serveModels()).catch(console.log)`], (_, text) =>
      resolve(text),
    );
  });
  expect(output).toContain("worker: expected to run in a worker, received the main thread");
});

test("bundlers find the worker: the built entry holds the form they look for, beside the file", async () => {
  expect(await distSource("worker/index.js")).toMatch(
    /new Worker\(new URL\("\.\/modelWorker\.js", import\.meta\.url\), \{ type: "module" \}\)/,
  );
  expect(await distSource("node/worker/index.js")).toContain(
    'new Worker(new URL("./modelWorker.js",import.meta.url),{type:"module"})',
  );
  for (const folder of ["worker", "node/worker"])
    expect(await distSource(`${folder}/modelWorker.js`)).toMatch(/serveModels\(\)/);
});
