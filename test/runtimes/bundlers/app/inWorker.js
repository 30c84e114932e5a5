// The same application, which then trains the same network once more in a worker.

import { modelInWorker } from "wasmgrad/worker";
import { hashOf, makeData, makeModel, options } from "./train.js";

/** @param here what training on this thread reported. */
async function trainInWorker(here) {
  if (here.error !== undefined) return here;
  const remote = await modelInWorker(makeModel(), here.threads > 1 ? { threads: here.threads } : {});
  try {
    const { x, y } = makeData();
    await remote.fit(x, y, options);
    const { accuracy } = await remote.evaluate(x, y);
    const predicted = await hashOf([await remote.predict(x)]);
    return { ...here, inWorker: { accuracy, predicted, hash: await hashOf(await remote.getWeights()) } };
  } finally {
    remote.stop();
  }
}

globalThis.wasmgradResult = globalThis.wasmgradResult
  .then(trainInWorker)
  .catch((error) => ({ error: String(error?.stack ?? error) }));
