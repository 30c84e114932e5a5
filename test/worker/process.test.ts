// Does a process live exactly as long as calls are under way, and does a worker live no longer than its model?

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const library = new URL("../../dist/node/index.js", import.meta.url).href;
const entry = new URL("../../dist/node/worker/index.js", import.meta.url).href;

/** Runs a script of its own, after `remote` was made. @returns what it printed; fails unless it ends by itself. */
async function printed(script: string, ...flags: string[]): Promise<string> {
  const source = `
    import { layers, sequential, zeros } from "${library}";
    import { modelInWorker } from "${entry}";
    const model = sequential([layers.dense({ units: 2, inputShape: [4] })]);
    model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
    const x = zeros([50, 4]), y = zeros([50, 2]);
    const quiet = { verbose: 0, batchSize: 1 };
    const remote = await modelInWorker(model);
    ${script}`;
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, "--input-type=module", "--eval", source], {
    timeout: 20_000,
  });
  return stdout.trim();
}

test("an idle worker lets the process end", async () => {
  expect(await printed("console.log(typeof remote);")).toBe("object");
  expect(await printed("await remote.fit(x, y, quiet); console.log(typeof remote);")).toBe("object");
});

test("calls under way keep it alive, also while only their data are on the way", async () => {
  expect(await printed('remote.fit(x, y, { ...quiet, epochs: 200 }).then(() => console.log("done"));')).toBe("done");
  expect(await printed("remote.predict(zeros([3_000_000, 4])).then((it) => console.log(it.shape.join()));")).toBe(
    "3000000,2",
  );
});

test("stop() leaves no handle, and no call that waits", async () => {
  expect(await printed("remote.stop(); await remote.predict(x).catch((error) => console.log(error.code));")).toBe(
    "state",
  );
});

test("the worker of a model that nobody has any more ends, after its last call", async () => {
  const script = `
    remote.stop();
    const wait = () => new Promise((resolve) => setTimeout(resolve, 10));
    const begin = async () => {
      const remote = await modelInWorker(model);
      return { running: remote.fit(x, y, { ...quiet, epochs: 300 }) };
    };
    const { running } = await begin();
    for (let turn = 0; turn < 5; turn++) { globalThis.gc(); await wait(); }
    console.log((await running).epoch.length);
    const workers = () => process.report.getReport().workers.length;
    for (let turn = 0; turn < 200 && workers() > 0; turn++) { globalThis.gc(); await wait(); }
    console.log(workers());`;
  expect(await printed(script, "--expose-gc")).toBe("300\n0");
}, 30_000);
