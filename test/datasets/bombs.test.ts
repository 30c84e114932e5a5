// Is an archive expanded no further than its header declares, and refused at once when that cannot be?

import { getHeapStatistics } from "node:v8";
import { createGzip, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { readIdx } from "../../bindings/datasets/idx.ts";

function idx(type: number, shape: readonly number[], data: Uint8Array): Uint8Array {
  const header = new DataView(new ArrayBuffer(4 + 4 * shape.length));
  header.setUint8(2, type);
  header.setUint8(3, shape.length);
  shape.forEach((size, axis) => {
    header.setUint32(4 + 4 * axis, size);
  });
  const file = new Uint8Array(header.byteLength + data.length);
  file.set(new Uint8Array(header.buffer));
  file.set(data, header.byteLength);
  return file;
}

/** Bytes that expand to `header` and then 400 MB of zeros. */
async function bomb(header: Uint8Array): Promise<Uint8Array> {
  const gzip = createGzip({ level: 9 });
  const parts: Uint8Array[] = [];
  gzip.on("data", (part: Uint8Array) => parts.push(part));
  const ended = new Promise((resolve) => gzip.on("end", resolve));
  gzip.write(header);
  const zeros = new Uint8Array(1 << 20);
  for (let piece = 0; piece < 400; piece++)
    if (!gzip.write(zeros)) await new Promise((resolve) => gzip.once("drain", resolve));
  gzip.end();
  await ended;
  return new Uint8Array(Buffer.concat(parts));
}

test("an archive that goes on behind what it declares", async () => {
  const file = await bomb(idx(8, [10], new Uint8Array(0)));
  const before = getHeapStatistics().external_memory;
  const begun = performance.now();
  expect(() => readIdx(file)).toThrow(/expected 10 bytes for 10 elements of shape \[10\], received more/);
  expect(performance.now() - begun).toBeLessThan(1000);
  expect(getHeapStatistics().external_memory - before).toBeLessThan(2 * file.length + (64 << 20));
}, 120_000);

test("an archive that declares more than can be in it, or than may be", () => {
  const small = gzipSync(idx(8, [50_000, 10_000], new Uint8Array(100)));
  const begun = performance.now();
  expect(() => readIdx(small)).toThrow(/a header that declares 500000012/);
  const noise = Uint8Array.from({ length: 2 << 20 }, (_, at) => (at * 2654435761) >>> 24);
  const large = gzipSync(idx(8, [50_000, 40_000], noise), { level: 0 });
  expect(() => readIdx(large)).toThrow(/an array of at most 1 GiB, received 1.86 GiB/);
  expect(() => readIdx(gzipSync(idx(8, [9, 9], new Uint8Array(3))))).toThrow(/81 bytes.*received 3/);
  expect(performance.now() - begun).toBeLessThan(2000);
});

test("headers that come in pieces, archives of several members, and archives of nothing", () => {
  const shape = Array.from({ length: 255 }, () => 1);
  expect(readIdx(gzipSync(idx(8, shape, Uint8Array.of(7)))).data).toEqual(Uint8Array.of(7));
  const file = idx(12, [3], Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 2, 255, 255, 255, 255));
  const members = Buffer.concat([
    gzipSync(file.subarray(0, 2)),
    gzipSync(file.subarray(2, 9)),
    gzipSync(file.subarray(9)),
  ]);
  expect(readIdx(new Uint8Array(members)).data).toEqual(Int32Array.of(1, 2, -1));
  for (const length of [0, 1, 3, 7])
    expect(() => readIdx(gzipSync(file.subarray(0, length)))).toThrow(/expected a sound gzip archive/);
  const whole = gzipSync(file);
  for (let length = 2; length < whole.length; length++) expect(() => readIdx(whole.subarray(0, length))).toThrow();
});
