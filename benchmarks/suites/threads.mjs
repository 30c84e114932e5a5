// How much faster are several threads than one? Both run in turns; `-busy` with another process burning one processor.

import { spawn } from "node:child_process";
import { inTurns, timeInTurns } from "../interleave.mjs";
import { mnistDirectory, trainingImages } from "../mnist.mjs";
import { uniform } from "../random.mjs";
import { median } from "../report.mjs";
import { startSession } from "../session.mjs";

const batchSizes = [32, 128];
const squares = [512, 960, 1024];
const quickImages = 6400;

export const suite = {
  title: "Threads: the speed of several over that of one",
  metric: "speedup",
  unit: "×",
  better: /** @type {const} */ ("higher"),
  cases: ["", "-busy"].flatMap((suffix) => [
    ...batchSizes.map((size) => `batch${size}${suffix}`),
    ...squares.map((size) => `${size}x${size}x${size}${suffix}`),
  ]),

  /** @param {import("../run.mjs").Setting} setting */
  async run({ engines, threads, quick, cases, scratch, row, note }) {
    if (!engines.includes("wasmgrad")) return {};
    const count = Math.max(2, threads);
    const sessions = [];
    for (const number of [1, count])
      sessions.push({ ...(await startSession("wasmgrad", number)), engine: `${number} threads` });
    const images = quick ? quickImages : trainingImages;
    const [warmUp, rounds] = quick ? [1, 3] : [1, 7];
    const compare = async (name, samples) => {
      const [one = [], many = []] = sessions.map(({ engine }) => samples.get(engine));
      const ratios = one.map((time, round) => time / many[round]);
      row(name, "wasmgrad", ratios);
      note(`${name}: one thread ${figures(one)}, ${count} threads ${figures(many)} (medians, seconds).`);
    };
    try {
      for (const suffix of ["", "-busy"]) {
        const burner = suffix === "" ? undefined : spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" });
        try {
          for (const batchSize of batchSizes) {
            const name = `batch${batchSize}${suffix}`;
            if (!cases.includes(name)) continue;
            for (const session of sessions) {
              const task = { way: "fit", batchSize, images, seed: 11, directory: mnistDirectory() };
              await session.ask("prepareTraining", task);
              for (let epoch = 0; epoch < warmUp; epoch++) await session.ask("epoch");
            }
            await compare(name, await inTurns(sessions, rounds, (session) => session.ask("epoch")));
          }
          for (const size of squares) {
            const name = `${size}x${size}x${size}${suffix}`;
            if (!cases.includes(name)) continue;
            const product = { m: size, k: size, n: size, transposeA: false, transposeB: false };
            const values = scratch.write("a", uniform(size * size, 0, 1, 1));
            for (const session of sessions)
              await session.ask("prepareMatMul", { product, a: values, b: values, result: scratch.path("c") });
            const pace = quick
              ? { warmUp: 100, rounds: 5, milliseconds: 40 }
              : { warmUp: 300, rounds: 15, milliseconds: 100 };
            const samples = await timeInTurns(sessions, pace);
            await compare(name, new Map([...samples].map(([name, times]) => [name, times.map((time) => time / 1e3)])));
          }
        } finally {
          burner?.kill();
        }
      }
    } finally {
      for (const session of sessions) await session.stop();
    }
    note(
      "Each ratio is that of two neighbouring measurements. -busy: with a process that computes without end beside.",
    );
    return {};
  },
};

function figures(seconds) {
  return median(seconds).toPrecision(3);
}
