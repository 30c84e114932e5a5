// Is the checksum the published CRC-32, and does it cover everything a file holds?

import { describe, expect, it } from "vitest";
import { engine } from "../../bindings/engine.ts";
import { CHECKSUM_KEY, checksum, contentChecksum } from "../../bindings/formats/checksum.ts";
import { everyType } from "./handmade.ts";

describe("checksum", () => {
  it("is CRC-32", () => {
    expect(checksum(new TextEncoder().encode("123456789"))).toBe("cbf43926");
    expect(checksum(new Uint8Array(0))).toBe("00000000");
    expect(checksum(new TextEncoder().encode("a"))).toBe("e8b7be43");
  });

  it("is the same in WebAssembly, in any number of parts", () => {
    const bytes = Uint8Array.from({ length: 1003 }, (_, index) => (index * 37) ^ (index >> 3));
    for (const parts of [[1003], [0, 1, 2, 1000], [501, 502]]) {
      let [crc, position] = [0, 0];
      for (const length of parts) {
        crc = engine().checksum(crc, bytes.subarray(position, position + length));
        position += length;
      }
      expect((crc >>> 0).toString(16).padStart(8, "0")).toBe(checksum(bytes));
    }
    expect(engine().checksum(0, new TextEncoder().encode("123456789")) >>> 0).toBe(0xcbf43926);
  });

  it("covers everything but itself, in any order", () => {
    const [first, ...others] = everyType;
    if (first === undefined) throw new Error("no tensors");
    const original = contentChecksum(everyType, { a: "1", b: "2" });
    expect(contentChecksum([...everyType].reverse(), { b: "2", a: "1", [CHECKSUM_KEY]: original })).toBe(original);
    const changes = [
      contentChecksum(everyType, { a: "1", b: "3" }),
      contentChecksum(everyType, { a: "1" }),
      contentChecksum(others, { a: "1", b: "2" }),
      contentChecksum([{ ...first, name: "other" }, ...others], { a: "1", b: "2" }),
      contentChecksum([{ ...first, dtype: "uint8" }, ...others], { a: "1", b: "2" }),
      contentChecksum([{ ...first, shape: [3, 1] }, ...others], { a: "1", b: "2" }),
    ];
    for (const changed of changes) expect(changed).not.toBe(original);
  });
});
