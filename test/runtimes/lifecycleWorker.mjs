// Does an engine of its own, in a worker of the user, compute as if it were alone? One training, one answer.

import { parentPort, workerData } from "node:worker_threads";
import { trainOnce } from "./lifecycleTraining.mjs";

// Nothing ends this worker: its own threads must not keep it alive.
parentPort.postMessage(await trainOnce(workerData.seed, workerData.threads, workerData.epochs));
