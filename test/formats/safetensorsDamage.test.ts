// Is every damage of a safetensors file reported as such, and never as anything else?

import { describe, expect, it } from "vitest";
import { TensorError } from "../../bindings/errors.ts";
import { contentChecksum } from "../../bindings/formats/checksum.ts";
import { decodeSafetensors } from "../../bindings/formats/readSafetensors.ts";
import { encodeSafetensors } from "../../bindings/formats/writeSafetensors.ts";
import { errorOf, everyType, fileOf, info } from "./handmade.ts";

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
