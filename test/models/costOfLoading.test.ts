// Does a file cost time and memory in proportion to itself, whatever it declares?

import { getHeapStatistics } from "node:v8";
import { describe, expect, test } from "vitest";
import { CHECKSUM_KEY, contentChecksum } from "../../bindings/formats/checksum.ts";
import { isModest } from "../../bindings/formats/modestJson.ts";
import { decodeSafetensors } from "../../bindings/formats/readSafetensors.ts";
import { encodeSafetensors } from "../../bindings/formats/writeSafetensors.ts";
import { model as functional, input, layers, sequential } from "../../bindings/index.ts";
import { loadModel } from "../../bindings/models/loading.ts";

/** The file with its description changed and its checksum made right. */
function forged(bytes: Uint8Array, change: (description: string) => string): Uint8Array {
  const { tensors, metadata } = decodeSafetensors(bytes);
  const { [CHECKSUM_KEY]: _, ...rest } = metadata;
  const changed: Record<string, string> = { ...rest, model: change(metadata.model as string) };
  const all = [...tensors.values()];
  return encodeSafetensors(all, { ...changed, [CHECKSUM_KEY]: contentChecksum(all, changed) });
}

/** Bytes of this thread's heap, garbage included. */
function heap(): number {
  const { total_heap_size: own, external_memory: external } = getHeapStatistics();
  return own + external;
}

/** How many times as long as on an idle machine of 3 GHz work takes here and now, at least 1. */
function slowness(): number {
  const begun = performance.now();
  let sum = 0;
  for (let step = 0; step < 2e8; step++) sum = (sum + step) | 0;
  expect(sum).not.toBe(1);
  return Math.max(1, (performance.now() - begun) / 150);
}

/** Milliseconds on an idle machine, and growth of memory in bytes. */
async function cost(run: () => Promise<unknown>): Promise<{ readonly time: number; readonly growth: number }> {
  const before = heap();
  const slow = slowness();
  const begun = performance.now();
  await run();
  const time = (performance.now() - begun) / Math.max(slow, slowness());
  return { time, growth: heap() - before };
}

const small = (): Promise<Uint8Array> => sequential([layers.dense({ units: 3, inputShape: [2], name: "only" })]).save();

test.each([
  ["units", '"units":3', '"units":200000000'],
  [
    "an orthogonal matrix",
    '"class_name":"GlorotUniform","config":{"seed":null}',
    '"class_name":"Orthogonal","config":{"gain":1,"seed":null}',
  ],
])("%s beyond the file are refused before anything is drawn", async (_, from, to) => {
  const file = forged(await small(), (text) => {
    expect(text).toContain(from);
    return text
      .replace(from, to)
      .replace('"units":3,', '"units":3000,')
      .replace(/\[null,2\](?=.*Orthogonal)/, "[null,3000]");
  });
  const { time, growth } = await cost(() =>
    expect(loadModel(file)).rejects.toMatchObject({
      code: "format",
      expected: expect.stringMatching(/^a tensor of shape \[\d+, \d+\] for "only\/kernel"$/),
    }),
  );
  expect(time).toBeLessThan(1000);
  expect(growth).toBeLessThan(64 << 20);
});

test("more weights of a shape than the file has, and other shapes under the right names", async () => {
  const two = await sequential([layers.dense({ units: 4, inputShape: [4] }), layers.dense({ units: 4 })]).save();
  const { tensors, metadata } = decodeSafetensors(two);
  const { [CHECKSUM_KEY]: _, ...rest } = metadata;
  const [first] = tensors.keys();
  const fewer = [...tensors.values()].filter(({ name }) => name !== first);
  const file = encodeSafetensors(fewer, { ...rest, [CHECKSUM_KEY]: contentChecksum(fewer, rest) });
  await expect(loadModel(file)).rejects.toThrow(/a tensor/);
  const names = new Map([
    ["dense/kernel", "dense/bias"],
    ["dense/bias", "dense/kernel"],
  ]);
  const swapped = [...tensors.values()].map((each) => ({ ...each, name: names.get(each.name) ?? each.name }));
  const other = encodeSafetensors(swapped, { ...rest, [CHECKSUM_KEY]: contentChecksum(swapped, rest) });
  await expect(loadModel(other)).rejects.toThrow(/"dense\/(kernel|bias)" of shape/);
});

test("an orthogonal model loads without its orthogonal matrix being made again", async () => {
  const initializer = { className: "Orthogonal", config: { gain: 1, seed: null } };
  const file = await sequential([
    layers.dense({
      units: 1000,
      inputShape: [1000],
      kernelInitializer: { ...initializer, create: (shape: readonly number[]) => glorot(shape) } as never,
    }),
  ]).save();
  expect(file.length).toBeGreaterThan(4_000_000);
  await loadModel(file);
  const { time } = await cost(() => loadModel(file));
  expect(time).toBeLessThan(1000);
});

test("a model of 10,000 layers is made, saved and loaded in linear time", async () => {
  const count = 10_000;
  const slow = slowness();
  const begun = performance.now();
  const chain = sequential([
    layers.dense({ units: 1, inputShape: [1] }),
    ...Array.from({ length: count - 1 }, () => layers.dense({ units: 1, useBias: false })),
  ]);
  expect(chain.layers.at(-1)?.name).toBe(`dense_${count - 1}`);
  const loaded = await loadModel(await chain.save());
  expect(loaded.layers).toHaveLength(count);
  let x = input({ shape: [1] });
  const first = x;
  for (let step = 0; step < count; step++) x = layers.activation({ activation: "relu" }).apply(x);
  const graph = functional({ inputs: first, outputs: x });
  const bytes = await graph.save();
  const reversed = forged(bytes, (text) => {
    const description = JSON.parse(text) as { config: { layers: unknown[] } };
    description.config.layers.reverse();
    return JSON.stringify(description);
  });
  for (const file of [bytes, reversed]) expect((await loadModel(file)).layers).toHaveLength(count + 1);
  expect((performance.now() - begun) / Math.max(slow, slowness())).toBeLessThan(12_000);
}, 240_000);

test("descriptions of many or deep values are refused before they are parsed", async () => {
  const bytes = await small();
  for (const text of [
    `[${"[".repeat(2_000_000)}`,
    `[${"[],".repeat(500_000)}0]`,
    `[${"{},".repeat(500_000)}0]`,
    `{${'"a":0,'.repeat(500_000)}"b":0}`,
  ]) {
    const { time, growth } = await cost(() =>
      expect(loadModel(forged(bytes, () => text))).rejects.toThrow(
        /metadata of a size and depth that a model can have/,
      ),
    );
    expect(time).toBeLessThan(5000);
    expect(growth).toBeLessThan(2 * text.length + (64 << 20));
  }
});

test("millions of lists are too many, however long the text that they stand in", () => {
  const text = (lists: number): string => `[${"[               ],".repeat(lists)}0]`;
  expect([2_000_000, 2_200_000].map((lists) => isModest(text(lists)))).toEqual([true, false]);
});

describe("models of long lists come back from their files:", () => {
  const half = (length: number): number[] => Array<number>(length).fill(0.5);
  const one = (length: number): number[] => Array<number>(length).fill(1);

  test.each([70_000, 224 * 224 * 3])("statistics of %d features", async (length) => {
    const made = sequential([
      layers.normalization({ axis: -1, mean: half(length), variance: one(length), inputShape: [length] }),
      layers.dense({ units: 1 }),
    ]);
    const x = [half(length).map((value, index) => value + (index % 3))];
    const loaded = await loadModel(await made.save());
    expect(loaded.predict(x).data).toEqual(made.predict(x).data);
  });

  test("2.2 million boundaries", async () => {
    const binBoundaries = Array.from({ length: 2_200_000 }, (_, index) => index);
    const made = sequential([layers.discretization({ binBoundaries, inputShape: [1] })]);
    const loaded = await loadModel(await made.save());
    expect([...loaded.predict([[3.5], [2e6 + 0.5]]).data]).toEqual([4, 2_000_001]);
  });
});

test("models too deep in one another are refused where they are saved, so that every file can be read", async () => {
  const nested = (levels: number): ReturnType<typeof sequential> => {
    let made = sequential([layers.dense({ units: 1, inputShape: [1], name: "only" })]);
    for (let level = 0; level < levels; level++) {
      made = sequential([made as never], { name: "outer" });
      made.build([[null, 1]]);
    }
    return made;
  };
  const deep = nested(60);
  expect((await loadModel(await deep.save())).predict([[2]]).data).toEqual(deep.predict([[2]]).data);
  await expect(nested(100).save()).rejects.toMatchObject({
    code: "option",
    where: "outer.save",
    message: expect.stringContaining("expected metadata of a size and depth that a model can have, received more"),
  });
});

test.each([
  ["entries that are none", () => `{${'"a":{},'.repeat(1_000_000)}"b":0}`],
  ["deep lists", () => `{"a":${"[".repeat(5_000_000)}`],
  ["a long shape", () => `{"a":{"dtype":"F32","shape":[${"1,".repeat(2_000_000)}0],"data_offsets":[0,4]}}`],
  [
    "many tensors of nothing",
    () =>
      `{${Array.from({ length: 200_000 }, (_, at) => `"${at}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`).join()}}`,
  ],
  [
    "many keys of metadata",
    () => `{"__metadata__":{${Array.from({ length: 500_000 }, (_, at) => `"${at}":""`).join()}}}`,
  ],
])(
  "a header of %s is refused in time",
  async (_, make) => {
    const text = new TextEncoder().encode(make());
    const file = new Uint8Array(8 + text.length);
    new DataView(file.buffer).setUint32(0, text.length, true);
    file.set(text, 8);
    const { time, growth } = await cost(async () => {
      expect(() => decodeSafetensors(file)).toThrow(expect.objectContaining({ code: "format" }));
    });
    expect(time).toBeLessThan(5000);
    expect(growth).toBeLessThan(2 * file.length + (64 << 20));
  },
  240_000,
);

function glorot(shape: readonly number[]): ReturnType<ReturnType<typeof sequential>["getWeights"]>[number] {
  return sequential([
    layers.dense({ units: shape[1] as number, inputShape: [shape[0] as number] }),
  ]).getWeights()[0] as never;
}
