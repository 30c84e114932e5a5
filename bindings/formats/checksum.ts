// Has a saved file changed since it was written? The format checks its own form; a checksum covers names and values.
// A CRC finds accidents (every burst of up to 32 bits), not forgery by someone who can also rewrite the checksum.

import type { StoredTensor } from "./safetensors.ts";

/** The metadata key under which a file keeps its {@link contentChecksum}. */
export const CHECKSUM_KEY = "checksum";

/** CRC-32 of each single byte. */
const TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
  return remainder;
});

/**
 * CRC-32 of `bytes` as eight hexadecimal digits, as in gzip, zip and PNG: "123456789" in ASCII gives `cbf43926`.
 * Source: ISO 3309, reflected polynomial 0xEDB88320; the table method of Sarwate (1988).
 */
export function checksum(bytes: Uint8Array): string {
  return digits(update(0, bytes));
}

/** The CRC of all bytes so far, whose CRC was `crc`, followed by `bytes`. */
export type Proceed = (crc: number, bytes: Uint8Array) => number;

/**
 * CRC-32 of everything that a file holds: name, dtype, shape and elements of each tensor and all metadata but the
 * checksum itself. It does not depend on the order of tensors or metadata. Write it as `metadata[CHECKSUM_KEY]`.
 * @param proceed what computes it; default in JavaScript.
 */
export function contentChecksum(
  tensors: Iterable<StoredTensor>,
  metadata: Readonly<Record<string, string>> = {},
  proceed: Proceed = update,
): string {
  const texts = Object.entries(metadata).filter(([key]) => key !== CHECKSUM_KEY);
  const encoder = new TextEncoder();
  let crc = proceed(0, encoder.encode(JSON.stringify(texts.sort(([a], [b]) => (a < b ? -1 : 1)))));
  for (const { name, dtype, shape, data } of [...tensors].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    crc = proceed(crc, encoder.encode(JSON.stringify([name, dtype, shape])));
    crc = proceed(crc, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return digits(crc);
}

/** The CRC of all bytes so far, whose CRC was `crc`, followed by `bytes`. */
function update(crc: number, bytes: Uint8Array): number {
  let remainder = ~crc;
  for (let index = 0; index < bytes.length; index++) {
    remainder = (remainder >>> 8) ^ (TABLE[(remainder ^ (bytes[index] ?? 0)) & 0xff] ?? 0);
  }
  return ~remainder;
}

function digits(crc: number): string {
  return (crc >>> 0).toString(16).padStart(8, "0");
}
