// Do datasets give their elements in the order, at the time and with the shapes that they should?

import { expect, test } from "vitest";
import { fromArrays, generator, zip } from "../../bindings/data/index.ts";
import { setSeed } from "../../bindings/seed.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";

const count = (size: number) => generator(() => Array.from({ length: size }, (_, index) => index), { size });
const values = (batches: readonly Tensor[]) => batches.map((batch) => Array.from(batch.data));

test("arrays come row by row, alone, with labels, by name", async () => {
  const x = tensor([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  expect((await fromArrays(x).toArray()).map((row) => row.array())).toEqual([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  const pairs = await fromArrays({ left: x, right: [7, 8, 9] }, new Int32Array([0, 1, 2])).toArray();
  expect(pairs[2]?.[0].left.array()).toEqual([5, 6]);
  expect(pairs[2]?.[0].right.item()).toBe(9);
  expect(pairs[2]?.[1]).toMatchObject({ shape: [], dtype: "int32" });
  expect(() => fromArrays(x, [1, 2])).toThrow("fromArrays: y: expected 3 samples, as in x, received 2");
});

test("map, filter, take, skip and repeat, in their order", async () => {
  const even = count(10).filter((each) => each % 2 === 0);
  expect(await even.map(async (each, index) => [each, index]).toArray()).toEqual([
    [0, 0],
    [2, 1],
    [4, 2],
    [6, 3],
    [8, 4],
  ]);
  expect(await count(10).skip(2).take(3).toArray()).toEqual([2, 3, 4]);
  expect(await count(3).repeat(2).toArray()).toEqual([0, 1, 2, 0, 1, 2]);
  expect(await count(3).repeat().skip(4).take(4).toArray()).toEqual([1, 2, 0, 1]);
  expect(await count(0).repeat().toArray()).toEqual([]);
});

test("sizes are known where they can be", () => {
  const sized = count(10);
  expect([sized.skip(3).size, sized.take(4).size, sized.repeat(3).size, sized.repeat().size]).toEqual([
    7,
    4,
    30,
    Infinity,
  ]);
  expect([sized.batch(4).size, sized.batch(4, { dropRemainder: true }).size]).toEqual([3, 2]);
  expect(sized.filter(() => true).size).toBeUndefined();
  expect(zip([sized, sized.repeat()]).size).toBe(10);
});

test("batches stack numbers, arrays, records and lists", async () => {
  expect(values(await count(5).batch(2).toArray())).toEqual([[0, 1], [2, 3], [4]]);
  expect(values(await count(5).batch(2, { dropRemainder: true }).toArray())).toEqual([
    [0, 1],
    [2, 3],
  ]);
  const [batch] = await count(3)
    .map((each) => [{ a: [each, 1], b: each }, new Int32Array([each])] as const)
    .batch(3)
    .toArray();
  expect(batch?.[0].a).toMatchObject({ shape: [3, 2], dtype: "float32" });
  expect(batch?.[0].b.array()).toEqual([0, 1, 2]);
  expect(batch?.[1]).toMatchObject({ shape: [3, 1], dtype: "int32" });
});

test.each<[string, unknown[], string]>([
  ["another shape", [[1, 2], [1]], "element 1"],
  ["another dtype", [new Int32Array([1]), new Float32Array([1])], "element 1"],
  ["text", [{ name: "a" }], 'element 0.name: expected numbers, received the text "a"'],
  ["other names", [{ a: 1 }, { b: 1 }], "expected a record of a"],
])("%s cannot be stacked", async (_, elements, message) => {
  await expect(
    generator(() => elements as number[])
      .batch(2)
      .toArray(),
  ).rejects.toThrow(message);
});

test("shuffling keeps all elements, differs from pass to pass, and follows the seed", async () => {
  const passes = async () => {
    setSeed(3);
    const shuffled = count(100).shuffle(20);
    return [await shuffled.toArray(), await shuffled.toArray()] as const;
  };
  const [first, second] = await passes();
  expect([...first].sort((a, b) => a - b)).toEqual(await count(100).toArray());
  expect(first).not.toEqual(second);
  expect(await passes()).toEqual([first, second]);
  // None comes before the buffer has reached it.
  expect(first.every((each, place) => each < place + 21)).toBe(true);
  // These forever, in every runtime.
  expect((await count(8).shuffle(8, 1).toArray()).join()).toMatchInlineSnapshot(`"6,2,7,0,1,4,5,3"`);
});

test("a whole buffer shuffles evenly", async () => {
  const seen = Array.from({ length: 4 }, (): number[] => [0, 0, 0, 0]);
  const shuffled = count(4).shuffle(4, 7);
  for (let pass = 0; pass < 2000; pass++)
    for (const [place, each] of (await shuffled.toArray()).entries()) (seen[place] as [number])[each as 0] += 1;
  for (const row of seen) for (const often of row) expect(Math.abs(often - 500)).toBeLessThan(5 * Math.sqrt(375));
});

test("nothing is made before it is asked for, and prefetch makes just so much more", async () => {
  const made: number[] = [];
  const source = generator(function* () {
    for (let index = 0; ; index++) {
      made.push(index);
      yield index;
    }
  });
  await source.take(2).toArray();
  expect(made).toEqual([0, 1]);
  made.length = 0;
  const ahead = source.prefetch(3)[Symbol.asyncIterator]();
  expect(made).toEqual([]);
  await ahead.next();
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(made.length).toBeLessThanOrEqual(4);
  await ahead.return?.();
});

test("a source is closed when a pass is left, and a failure reaches who asked", async () => {
  let closed = 0;
  const source = generator(async function* () {
    try {
      yield* [1, 2, 3];
      throw new Error("no more");
    } finally {
      closed++;
    }
  });
  for (const whole of [source, source.map((each) => each), source.shuffle(2), source.prefetch(2), zip([source])]) {
    closed = 0;
    for await (const _ of whole) break;
    expect(closed).toBe(1);
    await expect(whole.toArray()).rejects.toThrow("no more");
  }
});

test("zipped datasets end with the shortest, in lists and under names", async () => {
  expect(await zip([count(3), count(2)]).toArray()).toEqual([
    [0, 0],
    [1, 1],
  ]);
  expect(await zip({ a: count(1), b: count(2) }).toArray()).toEqual([{ a: 0, b: 0 }]);
});

test.each<[string, () => unknown, string]>([
  ["batch", () => count(3).batch(0), "dataset.batch: expected an integer ≥ 1, received 0"],
  ["map", () => count(3).map(3 as never), "dataset.map: expected a function"],
  ["shuffle", () => count(3).shuffle(2, 0.5), "expected an integer as the seed"],
  ["generator", () => generator([1, 2] as never), "give the function that makes it"],
  ["zip", () => zip([]), "datasets, in a list or under names"],
])("%s refuses what it cannot use", (_, call, message) => {
  expect(call).toThrow(message);
});

test("a list of an endless dataset is refused", async () => {
  await expect(count(3).repeat().toArray()).rejects.toThrow("Use take(n) first");
});
