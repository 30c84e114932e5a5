// Does a file come back as it was written, and is it the published format byte by byte?

import { describe, expect, it } from "vitest";
import { decodeSafetensors } from "../../bindings/formats/readSafetensors.ts";
import type { StoredTensor } from "../../bindings/formats/storedTensor.ts";
import { encodeSafetensors } from "../../bindings/formats/writeSafetensors.ts";
import { errorOf, everyType, fileOf, info } from "./handmade.ts";

function bytesOf(tensor: StoredTensor | undefined): number[] {
  if (tensor === undefined) throw new Error("no such tensor");
  return [...new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength)];
}

describe("round trip", () => {
  it("keeps names, types, shapes and bits of every dtype, scalars and empty tensors", () => {
    const { tensors, metadata } = decodeSafetensors(
      encodeSafetensors(everyType, { a: 'ä "\\\n🙂', "10": "", "2": "b" }),
    );
    expect(tensors.size).toBe(everyType.length);
    for (const tensor of everyType) {
      const read = tensors.get(tensor.name);
      expect(read).toMatchObject({ name: tensor.name, dtype: tensor.dtype, shape: tensor.shape });
      expect(read?.data.constructor).toBe(tensor.data.constructor);
      expect(bytesOf(read)).toEqual(bytesOf(tensor));
    }
    expect({ ...metadata }).toEqual({ a: 'ä "\\\n🙂', "10": "", "2": "b" });
  });

  it("keeps a file without tensors and metadata", () => {
    const file = encodeSafetensors([], {});
    expect([...file]).toEqual([8, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d, 32, 32, 32, 32, 32, 32]);
    expect(decodeSafetensors(file).tensors.size).toBe(0);
    expect(decodeSafetensors(fileOf("{}")).tensors.size).toBe(0);
  });

  it("keeps names that are special in JavaScript", () => {
    const names = ["__proto__", "constructor", "7", "", 'a"b', "ü/🙂"];
    const stored = names.map((name, index): StoredTensor => {
      return { name, dtype: "int32", shape: [1], data: Int32Array.of(index) };
    });
    const written = { ["__proto__"]: "text", toString: "other" };
    const { tensors, metadata } = decodeSafetensors(encodeSafetensors(stored, written));
    expect(names.map((name) => tensors.get(name)?.data[0])).toEqual(names.map((_, index) => index));
    expect(Object.entries(metadata)).toEqual([
      ["__proto__", "text"],
      ["toString", "other"],
    ]);
    expect(Object.getPrototypeOf(metadata)).toBe(null);
  });

  it("reads from any position in a buffer, also a Node Buffer and shared memory", () => {
    const file = encodeSafetensors(everyType, {});
    for (let shift = 0; shift < 9; shift++) {
      const memory = shift === 8 ? new SharedArrayBuffer(file.length + 16) : new ArrayBuffer(file.length + 16);
      const moved = new Uint8Array(memory, shift, file.length);
      moved.set(file);
      for (const bytes of [moved, Buffer.from(memory, shift, file.length)]) {
        const { tensors } = decodeSafetensors(bytes);
        for (const tensor of everyType) expect(bytesOf(tensors.get(tensor.name))).toEqual(bytesOf(tensor));
      }
    }
  });

  it("writes equal bytes whatever the order", () => {
    expect(encodeSafetensors([...everyType].reverse(), {})).toEqual(encodeSafetensors(everyType, {}));
  });

  it("writes the elements of a view, not its buffer", () => {
    const data = Float32Array.of(1, 2, 3, 4).subarray(1, 3);
    const file = encodeSafetensors([{ name: "a", dtype: "float32", shape: [2], data }], {});
    expect([...(decodeSafetensors(file).tensors.get("a")?.data ?? [])]).toEqual([2, 3]);
  });
});

describe("the published format", () => {
  it("is met byte by byte", () => {
    const stored: StoredTensor[] = [
      { name: "b", dtype: "uint8", shape: [2], data: Uint8Array.of(5, 6) },
      { name: "a", dtype: "float32", shape: [1, 2], data: Float32Array.of(1, -2) },
    ];
    const header =
      '{"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},' +
      '"b":{"dtype":"U8","shape":[2],"data_offsets":[8,10]}}';
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8, " ");
    expect(padded.length).toBe(136);
    const expected = [136, 0, 0, 0, 0, 0, 0, 0, ...Buffer.from(padded), 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 5, 6];
    expect([...encodeSafetensors(stored, { k: "v" })]).toEqual(expected);
  });

  it("reads the example of the reference's documentation", () => {
    const text = '{"test":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]}}';
    const file = fileOf(text, new Uint8Array(16));
    expect(file[0]).toBe("<".charCodeAt(0));
    expect(decodeSafetensors(file).tensors.get("test")).toMatchObject({ dtype: "int32", shape: [2, 2] });
  });

  it("starts every tensor at a multiple of its element size", () => {
    const file = encodeSafetensors(everyType, { some: "text of odd length" });
    for (const { data } of decodeSafetensors(file).tensors.values()) {
      expect(data.buffer).toBe(file.buffer);
      expect(data.byteOffset % data.BYTES_PER_ELEMENT).toBe(0);
    }
  });

  it("widens F16 exactly", () => {
    // biome-ignore format: pairs
    const cases: [number, number][] = [
      [0x3c00, 1], [0xc000, -2], [0x7bff, 65504], [0x0400, 2 ** -14], [0x0001, 2 ** -24], [0x83ff, -1023 * 2 ** -24],
      [0x7c00, Infinity], [0xfc00, -Infinity], [0x0000, 0], [0x8000, -0], [0x3555, 0.333251953125], [0x7e00, NaN],
    ];
    const halves = Uint16Array.from(cases, ([half]) => half);
    const header = `{"h":${info("F16", `[${cases.length}]`, 0, 2 * cases.length)}}`;
    const read = decodeSafetensors(fileOf(header, new Uint8Array(halves.buffer))).tensors.get("h");
    expect(read?.dtype).toBe("float32");
    expect([...(read?.data ?? [])]).toEqual(cases.map(([, value]) => value));
  });

  it("widens BF16 exactly", () => {
    const header = `{"h":${info("BF16", "[5]", 0, 10)}}`;
    const data = [0x80, 0x3f, 0x00, 0xc0, 0x80, 0xff, 0x49, 0x40, 0x01, 0x00];
    const read = decodeSafetensors(fileOf(header, data)).tensors.get("h");
    expect([...(read?.data ?? [])]).toEqual([1, -2, -Infinity, 3.140625, 2 ** -133]);
  });

  it("reads I64 that fit int32 and says which does not", () => {
    const header = `{"n":${info("I64", "[3]", 0, 24)}}`;
    const read = (last: bigint) =>
      decodeSafetensors(fileOf(header, new Uint8Array(BigInt64Array.of(-(2n ** 31n), -1n, last).buffer)));
    expect([...(read(2n ** 31n - 1n).tensors.get("n")?.data ?? [])]).toEqual([-(2 ** 31), -1, 2 ** 31 - 1]);
    for (const value of [2n ** 31n, -(2n ** 31n) - 1n, 2n ** 62n]) {
      expect(errorOf(() => read(value))).toMatchObject({
        code: "format",
        where: "safetensors/n",
        expected: "I64 values within the range of int32",
        received: `${value} at element 2`,
      });
    }
  });
});

describe("what cannot be written", () => {
  const one = { name: "a", dtype: "float32", shape: [1], data: Float32Array.of(1) } as const;
  const refused: [string, StoredTensor[], string][] = [
    ["a name twice", [one, one], "name"],
    ["the reserved name", [{ ...one, name: "__metadata__" }], "name"],
    ["another dtype", [{ ...one, dtype: "complex64" as "float32" }], "dtype"],
    ["a dtype named like a method", [{ ...one, dtype: "toString" as "float32" }], "dtype"],
    ["an array of another type", [{ ...one, data: Int32Array.of(1) }], "dtype"],
    ["a plain array", [{ ...one, data: [1] as unknown as Float32Array }], "dtype"],
    ["a shape of another size", [{ ...one, shape: [2] }], "shape"],
    ["a negative shape", [{ ...one, shape: [-1, -1] }], "shape"],
  ];
  it.each(refused)("%s", (_, tensors, code) => {
    expect(errorOf(() => encodeSafetensors(tensors, {})).code).toBe(code);
  });

  it("metadata that are not text", () => {
    const metadata = { units: 10 } as unknown as Record<string, string>;
    expect(errorOf(() => encodeSafetensors([], metadata)).message).toBe(
      "encodeSafetensors/metadata.units: expected text, received 10. Store other values as JSON.stringify(value).",
    );
  });
});
