// Does JSON that is given as data break what computes with it, or show what somebody else left in memory?

import { compiled } from "../../../bindings/compiled.ts";
import { loadProgram } from "../../../bindings/inference/index.ts";
import * as ops from "../../../bindings/ops/index.ts";
import { Tensor } from "../../../bindings/tensor.ts";
import { savedSubject, subject } from "../../harness/savedPrograms.ts";
import { bitsOf, fillFree } from "../memory.ts";
import { Harm, type Reader } from "../reader.ts";
import { type Json, mutatedJson, textOf } from "../structures.ts";

const dense = (): Json => Array.from({ length: 2 }, () => Array.from({ length: 5 }, () => [1, 2, 3, 4, 5, 6, 7]));
const pair = (): Json => ({ left: [[1, 2, 3, 4]], right: [[5, 6, 7, 8]] });
const matrix: Json = [
  [1, 2, 3],
  [4, 5, 6.5],
];

const examples: readonly { readonly call: string; readonly args: Json[] }[] = [
  { call: "predict", args: [dense()] },
  { call: "predictNamed", args: [pair()] },
  { call: "predictBytes", args: [[[1, 2, 3, 4, 5].map((each) => [each, each, each, each, each])[0] as Json]] },
  { call: "predictProgram", args: [dense()] },
  { call: "evaluate", args: [dense(), [[0, 1, 0, 0, 0, 0, 0, 0, 0, 0]]] },
  { call: "trainOnBatch", args: [dense(), [Array(10).fill(0.1), Array(10).fill(0)]] },
  { call: "add", args: [matrix, [1, 2, 3]] },
  { call: "matMul", args: [matrix, [[1], [2], [3]]] },
  { call: "sum", args: [matrix] },
  { call: "softmax", args: [matrix] },
  { call: "gather", args: [matrix, [0, 1, 1]] },
  { call: "where", args: [[[true, false, true]], matrix, 0] },
  { call: "concat", args: [[matrix, matrix]] },
  { call: "compiled", args: [matrix, [0.5]] },
  { call: "compiledRecord", args: [{ a: matrix, b: [[1, 2, 3]] }] },
];

type Call = (...args: never[]) => unknown;

async function calls(): Promise<Readonly<Record<string, Call>>> {
  const [model, named, bytes] = ["dense", "branches", "bytes"].map((name) => subject(name, 1).trained);
  model?.compile({ optimizer: "sgd", loss: "categoricalCrossentropy", metrics: ["accuracy"] });
  const program = loadProgram<never, Tensor>(await savedSubject("dense", [1, 4]));
  const both = compiled((a: never, b: never) => ops.multiply(ops.add(a, b), 2));
  const record = compiled((x: { a: never; b: never }) => ({ c: ops.add(x.a, x.b) }));
  return {
    predict: (x) => model?.predict(x),
    predictNamed: (x) => named?.predict(x),
    predictBytes: (x) => bytes?.predict(x),
    predictProgram: (x) => program.predict(x),
    evaluate: (x, y) => model?.evaluate(x, y),
    trainOnBatch: (x, y) => (model as unknown as { trainOnBatch(x: never, y: never): unknown }).trainOnBatch(x, y),
    compiled: both as Call,
    compiledRecord: record as Call,
  };
}

let known: Readonly<Record<string, Call>> = {};

export const data: Reader = {
  name: "data",
  corpus: async () => {
    known = await calls();
    return examples.map((each) => new TextEncoder().encode(JSON.stringify(each)));
  },
  mutate(chance, corpus) {
    const [own, other] = [chance.of(corpus), chance.of(corpus)].map(
      (each) => JSON.parse(new TextDecoder().decode(each)) as { call: string; args: Json[] },
    ) as [{ call: string; args: Json[] }, { args: Json[] }];
    const args = own.args.map((each) => (chance.oneIn(2) ? each : mutatedJson(chance, each, other.args)));
    return new TextEncoder().encode(textOf(chance, { call: own.call, args }));
  },
  async read(input) {
    const { call, args } = JSON.parse(new TextDecoder().decode(input)) as { call: string; args: never[] };
    const run = known[call] ?? ((ops as unknown as Record<string, Call>)[call] as Call);
    if (call === "trainOnBatch") return run(...args);
    const results: unknown[] = [];
    for (const pattern of [0x3f, 0xc1]) {
      fillFree(pattern);
      results.push(bitsIn(await run(...args)));
    }
    if (results[0] !== results[1]) throw new Harm("the result depends on memory that is not its own");
    return results[0];
  },
};

function bitsIn(result: unknown): string {
  if (result instanceof Tensor) return `${result.shape}: ${bitsOf(result)}`;
  if (typeof result !== "object" || result === null) return String(result);
  return Object.entries(result)
    .map(([name, value]) => `${name} ${bitsIn(value)}`)
    .join();
}
