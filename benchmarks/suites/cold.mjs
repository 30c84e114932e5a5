// How long from the start of a process to the first prediction of the MLP, over a process that only prints a line?

import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { initialWeights } from "../network.mjs";
import { networkModel } from "../onnx.mjs";
import { median } from "../report.mjs";

export const suite = {
  title: "Process start to first prediction of the MLP, over an empty Node process",
  metric: "millisecondsOverEmpty",
  unit: "ms",
  better: /** @type {const} */ ("lower"),
  cases: ["first-prediction"],

  /** @param {import("../run.mjs").Setting} setting */
  async run({ engines, quick, scratch, row, fail, note }) {
    const model = scratch.path("mlp.onnx");
    writeFileSync(model, networkModel(initialWeights(7), 1));
    /** @type {Map<string, number[]>} */
    const durations = new Map();
    const starters = [];
    for (const engine of ["empty", ...engines]) {
      try {
        await firstLine(engine, model); // the first start fills the file cache
        durations.set(engine, []);
        starters.push(engine);
      } catch (error) {
        fail("first-prediction", engine, error instanceof Error ? error.message : String(error));
      }
    }
    const rounds = quick ? 5 : 15;
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < starters.length; turn++) {
        const engine = starters[(turn + round) % starters.length];
        durations.get(engine)?.push(await firstLine(engine, model));
      }
    }
    const empty = median(durations.get("empty") ?? []);
    for (const engine of starters.slice(1)) {
      row(
        "first-prediction",
        engine,
        (durations.get(engine) ?? []).map((duration) => duration - empty),
      );
    }
    note(
      `Median of ${rounds} starts in turns, until the line is printed; an empty Node process needs ${empty.toFixed(1)} ms.`,
    );
  },
};

/** Milliseconds from starting programs/first-prediction/<engine>.mjs to the first thing it prints. */
function firstLine(engine, model) {
  const program = fileURLToPath(new URL(`../programs/first-prediction/${engine}.mjs`, import.meta.url));
  return new Promise((resolve, reject) => {
    const begin = performance.now();
    const child = spawn(process.execPath, [program, model], { stdio: ["ignore", "pipe", "pipe"] });
    let duration = Number.NaN;
    let printed = "";
    let complaints = "";
    child.stdout.on("data", (text) => {
      printed += text;
      if (Number.isNaN(duration) && /^first prediction/m.test(printed)) duration = performance.now() - begin;
    });
    child.stderr.on("data", (text) => {
      complaints += text;
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0 && !Number.isNaN(duration)) resolve(duration);
      else reject(new Error(`its script ended with ${code}: ${complaints.slice(-1000)}`));
    });
  });
}
