// Do strange IDX files break their reader, plain and compressed?

import { deflateRawSync, gunzipSync, gzipSync } from "node:zlib";
import { readIdx } from "../../../bindings/datasets/idx.ts";
import { mutatedBytes } from "../bytes.ts";
import { type Chance, edges } from "../chance.ts";
import type { Reader } from "../reader.ts";

const widths: Readonly<Record<number, number>> = { 8: 1, 9: 1, 11: 2, 12: 4, 13: 4, 14: 8 };

function idx(type: number, shape: readonly number[], filling = 7): Uint8Array {
  const size = shape.reduce((count, each) => count * each, 1) * (widths[type] as number);
  const file = new Uint8Array(4 + 4 * shape.length + size).fill(filling);
  file.set([0, 0, type, shape.length]);
  const view = new DataView(file.buffer);
  shape.forEach((each, axis) => {
    view.setUint32(4 + 4 * axis, each);
  });
  return file;
}

const isGzip = (file: Uint8Array): boolean => file[0] === 0x1f && file[1] === 0x8b;

/** The same array compressed anew, with other contents. */
function repacked(chance: Chance, file: Uint8Array, other: Uint8Array): Uint8Array {
  const plain = isGzip(file) ? new Uint8Array(gunzipSync(file)) : file;
  const changed = mutatedBytes(chance, plain, isGzip(other) ? plain : other);
  if (chance.oneIn(8)) return Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, ...deflateRawSync(changed), 0, 0, 0, 0);
  return gzipSync(changed, { level: 1 });
}

/** An archive of far more than its header says. */
function bomb(bytes: number): Uint8Array {
  const file = new Uint8Array(bytes);
  file.set(idx(8, [3, 4]));
  return gzipSync(file, { level: 9 });
}

/** Another size on one of the axes. */
function resized(chance: Chance, file: Uint8Array): Uint8Array {
  const copy = file.slice();
  const axes = copy[3] ?? 0;
  if (axes > 0 && copy.length >= 4 + 4 * axes)
    new DataView(copy.buffer).setUint32(4 + 4 * chance.below(axes), chance.of(edges) >>> 0);
  return copy;
}

let bombs: readonly Uint8Array[] = [];

export const idxFiles: Reader = {
  name: "idx",
  corpus: async () => {
    bombs = [1e5, 1e6, 1e8].map(bomb);
    const plain = Object.keys(widths).map((type) => idx(Number(type), [3, 4]));
    plain.push(idx(8, [10]), idx(8, [2, 28, 28], 200), idx(8, [0, 3]), idx(12, []));
    return [...plain, ...plain.map((file) => new Uint8Array(gzipSync(file)))];
  },
  mutate(chance, corpus) {
    const [file, other] = [chance.of(corpus), chance.of(corpus)];
    if (chance.oneIn(100)) return chance.oneIn(4) ? chance.of(bombs) : mutatedBytes(chance, chance.of(bombs), other);
    if (chance.oneIn(3)) return repacked(chance, file, other);
    if (chance.oneIn(3) && !isGzip(file)) return resized(chance, file);
    return mutatedBytes(chance, file, other);
  },
  read: (input) => readIdx(input, "fuzz"),
};
