// Does a training worker keep its promises in this runtime? The same script everywhere: in processes and in pages.

/** What is trained: the network of the README, on bytes. */
function network({ layers, sequential, setSeed }, seed = 7) {
  setSeed(seed);
  const model = sequential([
    layers.rescaling({ scale: 1 / 255, inputShape: [28, 28], inputDtype: "uint8" }),
    layers.flatten(),
    layers.dense({ units: 128, activation: "relu" }),
    layers.dense({ units: 64, activation: "relu" }),
    layers.dense({ units: 10, activation: "softmax" }),
  ]);
  model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  void model.trainer;
  return model;
}

async function sha256(weights) {
  const all = new Uint8Array(weights.reduce((size, { data }) => size + data.byteLength, 0));
  let position = 0;
  for (const { data } of weights) {
    all.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), position);
    position += data.byteLength;
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", all));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function expect(condition, what) {
  if (!condition) throw new Error(`failed: ${what}`);
}

/** The error that `promise` rejects with. */
async function rejection(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("failed: a promise did not reject");
}

/**
 * Checks everything once.
 * @param train, test: { x uint8 [n, 28, 28], labels int32 [n] }.
 * @returns accuracy and hash after two epochs on 6,000 images, equal in all runtimes.
 */
export async function conform(wasmgrad, { modelInWorker, loadModelInWorker }, { fromArrays }, train, test) {
  const [x, y] = [train.x.slice(0, 6000), train.labels.slice(0, 6000)];
  const [vx, vy] = [test.x.slice(0, 1000), test.labels.slice(0, 1000)];
  const quiet = { verbose: 0, batchSize: 32 };

  const model = network(wasmgrad);
  const remote = await modelInWorker(model);
  const seen = [];
  const callbacks = [
    {
      onEpochEnd: async (epoch, logs) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        seen.push(`${epoch} ${Object.keys(logs)}`);
      },
      onProgress: ({ mode }) => seen.push(mode),
    },
  ];
  const options = { ...quiet, epochs: 2, validationData: [vx, vy] };
  const there = await remote.fit(x, y, { ...options, callbacks });
  const here = await model.fit(x, y, options);
  expect(JSON.stringify(there) === JSON.stringify(here), "the same history");
  expect(seen.includes("train") && seen.includes("test"), "progress");
  expect(seen.filter((each) => each === "1 loss,accuracy,valLoss,valAccuracy").length === 1, "callbacks");
  const hash = await sha256(await remote.getWeights());
  expect(hash === (await sha256(model.getWeights())), "the same weights");
  expect((await sha256([await remote.predict(vx)])) === (await sha256([model.predict(vx)])), "the same predictions");

  // Two more workers at the same time, one from the file of the other.
  const second = await loadModelInWorker(await remote.save());
  const third = await modelInWorker(model);
  await Promise.all([remote, second, third].map((each) => each.fit(x, y, quiet)));
  await model.fit(x, y, quiet);
  const hashes = await Promise.all([remote, second, third].map(async (each) => sha256(await each.getWeights())));
  expect(new Set([...hashes, await sha256(model.getWeights())]).size === 1, "three workers, the same bits");

  // A dataset stays on this side; its batches go over as they are asked for.
  const batches = fromArrays(x, y).shuffle(1000, 5).batch(32);
  const held = { verbose: 0, validationData: fromArrays(vx, vy).batch(100) };
  expect(
    JSON.stringify(await remote.fit(batches, held)) === JSON.stringify(await model.fit(batches, held)),
    "the same history on a dataset",
  );
  expect(
    (await sha256(await remote.getWeights())) === (await sha256(model.getWeights())),
    "the same bits on a dataset",
  );
  const own = new RangeError("mine");
  const failing = batches.map((batch, index) => {
    if (index === 20) throw own;
    return batch;
  });
  expect((await rejection(remote.fit(failing, { verbose: 0 }))) === own, "the error of a dataset");

  // A signal, with predictions meanwhile.
  const controller = new AbortController();
  const endless = remote.fit(train.x.slice(0, 2000), train.labels.slice(0, 2000), {
    ...quiet,
    epochs: 100_000,
    signal: controller.signal,
  });
  const stopped = rejection(endless);
  expect((await remote.predict(vx)).shape[0] === 1000, "a prediction during fit");
  const started = performance.now();
  controller.abort("enough");
  expect((await stopped) === "enough", "the reason of the signal");
  const stopMilliseconds = performance.now() - started;
  expect((await remote.evaluate(vx, vy)).accuracy > 0.5, "a model that can be used after a stop");
  await remote.copyTo(model);
  expect((await sha256(model.getWeights())) === (await sha256(await remote.getWeights())), "weights copied back");

  // Errors.
  const failure = await rejection(second.fit(x, vy, quiet));
  expect(failure instanceof wasmgrad.TensorError && failure.code === "shape", "a TensorError");
  const throwing = { onEpochEnd: () => Promise.reject(own) };
  expect((await rejection(second.fit(x, y, { ...quiet, callbacks: [throwing] }))) === own, "the callback's error");
  const pending = rejection(second.fit(x, y, { ...quiet, epochs: 1000 }));
  second.stop();
  expect((await pending).code === "state", "calls end with stop()");
  const missing = new URL("./no-such-worker.mjs", import.meta.url);
  const never = await rejection(modelInWorker(model, { worker: missing, startTimeout: 10_000 }));
  expect(never instanceof wasmgrad.TensorError && never.code === "unsupported", "a worker that never starts");
  third.stop();
  // `remote` stays: an idle worker keeps no process alive.
  return { accuracy: there.valAccuracy.at(-1), sha256: hash, stopMilliseconds };
}

/** What only pages can do: a worker from a function, and one that closes itself. */
export async function conformInPage(wasmgrad, { modelInWorker }, test) {
  const url = new URL("./closingWorker.mjs", import.meta.url);
  const remote = await modelInWorker(network(wasmgrad), { worker: () => new Worker(url, { type: "module" }) });
  const failures = [remote.predict(test.x.slice(0, 13)), remote.getWeights()].map(rejection);
  for (const failure of await Promise.all(failures))
    expect(
      failure.code === "state" && failure.received.includes("closed"),
      "calls end with a worker that closes itself",
    );
}

/**
 * Counts frames of a page that does nothing, that trains in a worker, and that trains by itself.
 * @returns frames a second, and the longest time between two frames in milliseconds.
 */
export async function countFrames(wasmgrad, { modelInWorker }, train) {
  const remote = await modelInWorker(network(wasmgrad));
  const local = network(wasmgrad);
  const options = { verbose: 0, batchSize: 32, epochs: 2, callbacks: [{ onProgress: () => {} }] };
  const pause = () => new Promise((resolve) => setTimeout(resolve, 2000));
  const idle = await framesDuring(pause);
  const inWorker = await framesDuring(() => remote.fit(train.x, train.labels, options));
  const inPage = await framesDuring(() => local.fit(train.x, train.labels, { ...options, epochs: 1 }));
  remote.stop();
  return { idle, inWorker, inPage };
}

async function framesDuring(action) {
  const times = [];
  let running = true;
  const frame = (now) => {
    times.push(now);
    if (running) requestAnimationFrame(frame);
  };
  await new Promise((resolve) => requestAnimationFrame(resolve));
  requestAnimationFrame(frame);
  await action();
  running = false;
  const gaps = times.slice(1).map((time, index) => time - times[index]);
  const seconds = (times.at(-1) - times[0]) / 1000;
  return {
    seconds: Number(seconds.toFixed(2)),
    framesPerSecond: Number((gaps.length / seconds).toFixed(1)),
    longestGap: Number(Math.max(...gaps).toFixed(1)),
    // Seconds from the start to that gap.
    longestAt: Number(((times[gaps.indexOf(Math.max(...gaps))] - times[0]) / 1000).toFixed(2)),
    late: gaps.filter((gap) => gap > 25).length,
  };
}
