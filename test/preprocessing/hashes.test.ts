// Are fingerprints and hashes those of the originals?

import { describe, expect, test } from "vitest";
import { fingerprint64 } from "../../bindings/preprocessing/farmHash.ts";
import { sipHash64 } from "../../bindings/preprocessing/sipHash.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("FarmHash's Fingerprint64", () => {
  const sentence = "The quick brown fox jumps over the lazy dog. ".repeat(5);

  /** By Google's C++ in the package farmhash 5.0.1: each length has a way of its own, or lies at the edge of one. */
  const known: readonly (readonly [number, bigint])[] = [
    [0, 0x9ae16a3b2f90404fn],
    [1, 0x12f77cd62637857an],
    [3, 0x85887769ddcc73fdn],
    [4, 0xf4ed8b2e41e836a5n],
    [7, 0xfb3b4353192e2b87n],
    [8, 0x46d0ffb3ee9d8c07n],
    [16, 0x3bf6bd3bebd31655n],
    [17, 0xc7a32da958c02dbdn],
    [32, 0xb65964dee7761262n],
    [33, 0xf25fea09db06b3d6n],
    [64, 0x8cc2288614b078a0n],
    [65, 0x739d9bc2566b1cbcn],
    // Whole blocks, where ports of FarmHash to Rust give 0xd23d281f82afb2ad.
    [128, 0x5ae1aa6fecfd621an],
    [200, 0x8e4fbc7bf85caf9n],
  ];

  test.each(known)("of %i letters", (length, value) => {
    expect(fingerprint64(bytes(sentence.slice(0, length)))).toBe(value);
  });

  test("of a part of a buffer, and of text outside ASCII", () => {
    expect(fingerprint64(bytes(`xx${sentence}`).subarray(2, 202))).toBe(0x8e4fbc7bf85caf9n);
    expect(fingerprint64(bytes("äöü€😀"))).toBe(0xb4decbf130976c59n);
  });
});

test("SipHash-2-4 gives the authors' vectors (SipHash, appendix A; vectors.h)", () => {
  const key = [0x0706050403020100n, 0x0f0e0d0c0b0a0908n] as const;
  expect(sipHash64(new Uint8Array(0), key)).toBe(0x726fdb47dd0e0e31n);
  expect(
    sipHash64(
      Uint8Array.from({ length: 15 }, (_, index) => index),
      key,
    ),
  ).toBe(0xa129ca6149be45e5n);
});
