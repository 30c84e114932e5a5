// How much faster are several threads than one? Both run in turns; `-busy` with another process burning one processor.
// Beside it, what the machine itself allows at that moment: as many processes with one thread each, at once. Virtual
// processors that share a core allow less than their number.

import { spawn } from "node:child_process";
import { inTurns } from "../interleave.mjs";
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
    const start = async (number) => {
      const session = await startSession("wasmgrad", number);
      sessions.push(session);
      return session;
    };
    const images = quick ? quickImages : trainingImages;
    const rounds = quick ? 3 : 15;
    try {
      const many = await start(count);
      const singles = [];
      for (let index = 0; index < count; index++) singles.push(await start(1));
      /** Runs a job in all ways in turns, and compares neighbours. */
      const compare = async (name, measure) => {
        const [single] = singles;
        const ways = {
          one: () => measure(single),
          many: () => measure(many),
          apart: async () => Math.max(...(await Promise.all(singles.map(measure)))),
        };
        const contenders = Object.keys(ways).map((engine) => ({ engine }));
        const samples = await inTurns(/** @type {any} */ (contenders), rounds, ({ engine }) => ways[engine]());
        const [one = [], together = [], apart = []] = contenders.map(({ engine }) => samples.get(engine));
        const ratios = one.map((time, round) => time / together[round]);
        const allowed = median(one.map((time, round) => (count * time) / apart[round]));
        const share = { metric: "boundFraction", title: "of what the machine allows", unit: "fraction" };
        row(name, "wasmgrad", ratios, [{ ...share, value: median(ratios) / allowed }]);
        note(
          `${name}: one thread ${figure(one)}, ${count} threads ${figure(together)} s; the machine allows ${allowed.toFixed(2)} ×.`,
        );
      };
      for (const suffix of ["", "-busy"]) {
        const burner = suffix === "" ? undefined : spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" });
        try {
          for (const batchSize of batchSizes) {
            const name = `batch${batchSize}${suffix}`;
            if (!cases.includes(name)) continue;
            const task = {
              way: "fit",
              batchSize,
              images: Math.min(images, 12800),
              seed: 11,
              directory: mnistDirectory(),
            };
            for (const session of sessions) {
              await session.ask("prepareTraining", task);
              for (let epoch = 0; epoch < 2; epoch++) await session.ask("epoch");
            }
            await compare(name, (session) => session.ask("epoch"));
          }
          for (const size of squares) {
            const name = `${size}x${size}x${size}${suffix}`;
            if (!cases.includes(name)) continue;
            const product = { m: size, k: size, n: size, transposeA: false, transposeB: false };
            const values = scratch.write("a", uniform(size * size, 0, 1, 1));
            const times = Math.ceil((quick ? 1e9 : 6e9) / (2 * size ** 3));
            for (const session of sessions) {
              await session.ask("prepareMatMul", { product, a: values, b: values, result: scratch.path("c") });
              await session.ask("time", { times });
            }
            await compare(name, async (session) => (await session.ask("time", { times })) / times / 1000);
          }
        } finally {
          burner?.kill();
        }
      }
    } finally {
      for (const session of sessions) await session.stop();
    }
    note(
      `Each ratio is that of two neighbouring measurements. The machine allows: ${count} processes of one thread each at once.`,
      "-busy: with a process that computes without end beside.",
    );
    return {};
  },
};

function figure(seconds) {
  return median(seconds).toPrecision(3);
}
