// How long after the start of its isolate has the worker answered? Measured from outside: a worker's own clock stands
// still while it computes. The time from the start of workerd to the first answer, less that of a worker that has the same
// weights in its configuration, but does nothing.
//
// Beside the time on the clock stands that of the processor (Linux), which other processes disturb less.
//
//   node test/runtimes/edge/coldStart.mjs [repeats]        after examples/edge-worker/build.mjs

import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { serve } from "./workerd.mjs";

const example = join(dirname(fileURLToPath(import.meta.url)), "../../../examples/edge-worker");
const body = JSON.stringify({ pixels: new Array(784).fill(0.5) });

/** Milliseconds from the start of workerd to the first answer: on the clock, and of its main thread on a processor. */
async function firstAnswer(config) {
  const started = performance.now();
  const server = await serve(config);
  try {
    const status = await new Promise((resolve, reject) => {
      const sent = request(`${server.address}/predict`, { method: "POST" }, (response) => {
        response.resume().on("end", () => resolve(response.statusCode));
      });
      sent.on("error", reject);
      sent.end(body);
    });
    if (status !== 200) throw new Error(`status ${status}: ${server.written()}`);
    const clock = performance.now() - started;
    const schedule = `/proc/${server.processId}/schedstat`;
    const processor = existsSync(schedule) ? Number(readFileSync(schedule, "utf8").split(" ")[0]) / 1e6 : Number.NaN;
    return { clock, processor };
  } finally {
    await server.stop();
  }
}

const sorted = (values) => values.toSorted((a, b) => a - b);
const median = (values) => sorted(values)[values.length >> 1];
const fastest = (values) => sorted(values)[0];

const folder = mkdtempSync(join(tmpdir(), "wasmgrad-edge-"));
try {
  const idle = join(folder, "config.capnp");
  writeFileSync(
    join(folder, "worker.js"),
    "export default { async fetch(request) { return Response.json(await request.json()); } };\n",
  );
  copyFileSync(join(example, "dist/digits.bin"), join(folder, "digits.bin"));
  writeFileSync(
    idle,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "idle", worker = .idle)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "idle")],
);
const idle :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "worker.js"),
    (name = "digits.bin", data = embed "digits.bin"),
  ],
  compatibilityDate = "2025-05-05",
);
`,
  );
  const times = { idle: [], digits: [] };
  const repeats = Number(process.argv[2] ?? 15);
  for (let repeat = 0; repeat < repeats; repeat++) {
    times.idle.push(await firstAnswer(idle));
    times.digits.push(await firstAnswer(join(example, "config.capnp")));
  }
  for (const kind of ["clock", "processor"])
    for (const [what, choose] of Object.entries({ median, fastest })) {
      const [idleTime, time] = ["idle", "digits"].map((which) => choose(times[which].map((each) => each[kind])));
      console.log(
        `${kind}, ${what} of ${repeats}: ${idleTime.toFixed(1)} ms without work, ${time.toFixed(1)} ms with, so the first answer ${(time - idleTime).toFixed(1)} ms after the isolate's start`,
      );
    }
} finally {
  rmSync(folder, { recursive: true });
}
