// Does a file come back as it was written, is it the published format byte by byte, and is every damage reported as such?

import { describe, expect, it } from "vitest";
import { TensorError } from "../../bindings/errors.ts";
import { CHECKSUM_KEY, checksum, contentChecksum } from "../../bindings/formats/checksum.ts";
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from "../../bindings/formats/safetensors.ts";

const everyType: readonly StoredTensor[] = [
  { name: "mask", dtype: "bool", shape: [3], data: Uint8Array.of(1, 0, 1) },
  { name: "dense/kernel", dtype: "float32", shape: [2, 3], data: Float32Array.of(1, -2.5, 3e-40, Infinity, NaN, -0) },
  { name: "pixels", dtype: "uint8", shape: [1, 5], data: Uint8Array.of(0, 1, 127, 128, 255) },
  { name: "double", dtype: "float64", shape: [2], data: Float64Array.of(Math.PI, -1e-310) },
  { name: "tokens", dtype: "int32", shape: [2, 1], data: Int32Array.of(-(2 ** 31), 2 ** 31 - 1) },
  { name: "scalar", dtype: "float32", shape: [], data: Float32Array.of(7) },
  { name: "empty", dtype: "float32", shape: [0, 4], data: new Float32Array(0) },
];

/** A file with the given header text and data, of any soundness. */
function fileOf(header: string | Uint8Array, data: ArrayLike<number> = [], length?: bigint): Uint8Array {
  const text = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const file = new Uint8Array(8 + text.length + data.length);
  new DataView(file.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  file.set(text, 8);
  file.set(data, 8 + text.length);
  return file;
}

function info(dtype: string, shape: string, begin: number, end: number): string {
  return `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`;
}

/** The TensorError that `action` throws; any other error fails the test. */
function errorOf(action: () => unknown): TensorError {
  try {
    action();
  } catch (error) {
    if (error instanceof TensorError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

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
    names.forEach((name, index) => expect(tensors.get(name)?.data[0]).toBe(index));
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

describe("damage", () => {
  const sound = encodeSafetensors(everyType, { note: "text" });
  const f32 = (begin: number, end: number) => info("F32", `[${(end - begin) / 4}]`, begin, end);

  it("reports a truncation at every byte", () => {
    for (let length = 0; length < sound.length; length++) {
      expect(errorOf(() => decodeSafetensors(sound.slice(0, length))).code).toBe("format");
    }
  });

  it("reports bytes left over", () => {
    const longer = new Uint8Array(sound.length + 1);
    longer.set(sound);
    expect(errorOf(() => decodeSafetensors(longer)).code).toBe("format");
  });

  it("survives every flipped bit of length and header: an error of ours, or a sound file with another content", () => {
    const length = new DataView(sound.buffer).getUint32(0, true);
    const content = (file: Uint8Array): string => {
      const { tensors, metadata } = decodeSafetensors(file);
      return contentChecksum(tensors.values(), metadata);
    };
    const original = content(sound);
    let undetected = 0;
    for (let bit = 0; bit < (8 + length) * 8; bit++) {
      const flipped = sound.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      try {
        if (content(flipped) === original) undetected++;
      } catch (error) {
        expect(error).toBeInstanceOf(TensorError);
        expect((error as TensorError).code).toBe("format");
      }
    }
    // Nothing but a padding space may change without a trace, and no other white space is one bit away from a space.
    expect(undetected).toBe(0);
  });

  it("finds every flipped bit of the data by the checksum", () => {
    const { tensors, metadata } = decodeSafetensors(sound);
    const original = contentChecksum(tensors.values(), metadata);
    const begin = 8 + new DataView(sound.buffer).getUint32(0, true);
    for (let bit = begin * 8; bit < sound.length * 8; bit++) {
      const flipped = sound.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      try {
        const read = decodeSafetensors(flipped);
        expect(contentChecksum(read.tensors.values(), read.metadata)).not.toBe(original);
      } catch (error) {
        expect((error as TensorError).expected).toBe("booleans of 0 or 1");
      }
    }
  });

  const damaged: [string, Uint8Array, RegExp][] = [
    ["a header length beyond 100 MB", fileOf("{}", [], 100_000_001n), /at most 100000000 bytes, received 100000001\./],
    ["the greatest header length", fileOf("{}", [], 2n ** 64n - 1n), /at most 100000000 bytes/],
    ["a header longer than the file", fileOf("{}", [], 3n), /a header of 3 bytes, received 2 bytes/],
    ["a header of no bytes", fileOf(""), /a header in JSON/],
    ["text that is not JSON", fileOf("hello"), /a header in JSON/],
    ["bytes that are not UTF-8", fileOf(Uint8Array.of(0x7b, 0xff, 0x7d)), /a header in JSON/],
    ["a byte order mark", fileOf("\uFEFF{}"), /JSON/],
    ["white space before the header", fileOf(" {}"), /a JSON object/],
    ["a list", fileOf("[]"), /a JSON object/],
    ["null", fileOf("null"), /a JSON object/],
    ["deep nesting", fileOf("[".repeat(200_000)), /JSON/],
    [
      "a name twice",
      fileOf(`{"a":${f32(0, 4)},"a":${f32(0, 4)}}`, Array(4)),
      /every name once in the header, received "a" twice/,
    ],
    ["a name twice, once escaped", fileOf(`{"a":${f32(0, 4)},"\\u0061" :${f32(0, 4)}}`, Array(4)), /"a" twice/],
    ["metadata twice", fileOf('{"__metadata__":{},"__metadata__":{}}'), /"__metadata__" twice/],
    ["a key of metadata twice", fileOf('{"__metadata__":{"\\"k":"{","\\"k":"}"}}'), /twice/],
    [
      "shape twice",
      fileOf('{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}', Array(4)),
      /"shape" twice/,
    ],
    ["metadata that are not an object", fileOf('{"__metadata__":[]}'), /an object of texts/],
    ["metadata that are not text", fileOf('{"__metadata__":{"k":1}}'), /__metadata__\/k: expected text, received 1/],
    ["a tensor that is not an object", fileOf('{"a":7}'), /safetensors\/a: expected an object with dtype/],
    ["an unknown dtype", fileOf(`{"a":${info("F8_E4M3", "[4]", 0, 4)}}`, Array(4)), /received "F8_E4M3"\. If the file/],
    ["a dtype named like a method", fileOf(`{"a":${info("constructor", "[4]", 0, 4)}}`, Array(4)), /"constructor"/],
    ["no dtype", fileOf('{"a":{"shape":[1],"data_offsets":[0,4]}}', Array(4)), /a dtype of .* received undefined/],
    ["no shape", fileOf('{"a":{"dtype":"F32","data_offsets":[0,4]}}', Array(4)), /a shape of whole numbers/],
    ["a negative size", fileOf(`{"a":${info("F32", "[-1]", 0, 4)}}`, Array(4)), /a shape of whole numbers/],
    ["a fractional size", fileOf(`{"a":${info("F32", "[0.5,2]", 0, 4)}}`, Array(4)), /a shape of whole numbers/],
    ["a size that is text", fileOf(`{"a":${info("F32", '["1"]', 0, 4)}}`, Array(4)), /a shape of whole numbers/],
    [
      "a size beyond counting",
      fileOf(`{"a":${info("F32", "[9007199254740991,4,0]", 0, 0)}}`),
      /a shape that can be counted/,
    ],
    [
      "three offsets",
      fileOf('{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0,0]}}'),
      /data_offsets \[begin, end\]/,
    ],
    [
      "offsets in reverse",
      fileOf(`{"a":${info("F32", "[1]", 4, 0)}}`, Array(4)),
      /4 bytes for F32 of shape \[1\], received -4/,
    ],
    [
      "a shape too large",
      fileOf(`{"a":${info("F32", "[2]", 0, 4)}}`, Array(4)),
      /8 bytes for F32 of shape \[2\], received 4/,
    ],
    [
      "a shape too small",
      fileOf(`{"a":${info("F32", "[1]", 0, 8)}}`, Array(8)),
      /4 bytes for F32 of shape \[1\], received 8/,
    ],
    ["an overlap", fileOf(`{"a":${f32(0, 8)},"b":${f32(4, 12)}}`, Array(12)), /b: .* 4 … 12, which overlaps another/],
    ["the same range twice", fileOf(`{"a":${f32(0, 4)},"b":${f32(0, 4)}}`, Array(4)), /which overlaps another/],
    ["a hole", fileOf(`{"a":${f32(0, 4)},"b":${f32(8, 12)}}`, Array(12)), /begin at 4, received .* leaves a hole/],
    ["a hole at the start", fileOf(`{"a":${f32(4, 8)}}`, Array(8)), /begin at 0, received .* leaves a hole/],
    ["an offset beyond the file", fileOf(`{"a":${f32(0, 8)}}`, Array(4)), /within the 4 bytes of data/],
    ["trailing bytes", fileOf(`{"a":${f32(0, 4)}}`, Array(5)), /4 bytes of data, received 5 bytes/],
    ["trailing bytes without tensors", fileOf("{}", [0]), /0 bytes of data, received 1 bytes/],
    ["a boolean of 2", fileOf(`{"a":${info("BOOL", "[2]", 0, 2)}}`, [1, 2]), /0 or 1, received 2 at element 1/],
  ];
  it.each(damaged)("reports %s", (_, file, message) => {
    const error = errorOf(() => decodeSafetensors(file));
    expect(error.code).toBe("format");
    expect(error.message).toMatch(message);
    expect(error.remedy).toMatch(/^(The file is damaged|If the file is sound)/);
  });

  it("accepts an empty tensor between others, fields of later versions and unaligned tensors", () => {
    const later = '{"dtype":"F32","shape":[1],"data_offsets":[1,5],"later":true}';
    const header = `{"b":${later},"empty":${info("F64", "[0]", 1, 1)},"a":${info("U8", "[1]", 0, 1)}}`;
    const { tensors } = decodeSafetensors(fileOf(header, [9, 0, 0, 0x80, 0x3f]));
    expect([...tensors.keys()]).toEqual(["a", "empty", "b"]);
    expect([...(tensors.get("b")?.data ?? [])]).toEqual([1]);
  });

  it("begins messages with the caller's name for the file", () => {
    expect(errorOf(() => decodeSafetensors(new Uint8Array(3), "mnist.safetensors")).message).toBe(
      "mnist.safetensors: expected at least 8 bytes, received 3. " +
        "The file is damaged or is not a safetensors file: fetch or save it again.",
    );
    expect(errorOf(() => decodeSafetensors(undefined as unknown as Uint8Array)).code).toBe("option");
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

describe("checksum", () => {
  it("is CRC-32", () => {
    expect(checksum(new TextEncoder().encode("123456789"))).toBe("cbf43926");
    expect(checksum(new Uint8Array(0))).toBe("00000000");
    expect(checksum(new TextEncoder().encode("a"))).toBe("e8b7be43");
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
