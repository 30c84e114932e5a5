// What is in a file that TensorBoard reads?
//
// Records (TFRecord): 8 bytes length, 4 bytes masked CRC of these, the data, 4 bytes masked CRC of the data, little-endian.
// The data are protocol buffers, event.proto and summary.proto of TensorFlow:
//
//   Event    1 double wall_time   2 int64 step   3 string file_version   5 Summary summary
//   Summary  1 repeated Value     Value: 1 string tag   2 float simple_value

/** A number at a step. */
export interface Scalar {
  readonly tag: string;
  readonly value: number;
}

/** The record that begins a file. @param seconds since 1970. */
export function versionRecord(seconds: number): Uint8Array {
  return record([...double(1, seconds), ...text(3, "brain.Event:2")]);
}

/** The record of some numbers at one step. */
export function scalarsRecord(seconds: number, step: number, scalars: readonly Scalar[]): Uint8Array {
  const values = scalars.flatMap(({ tag, value }) => message(1, [...text(1, tag), ...float(2, value)]));
  return record([...double(1, seconds), ...integer(2, step), ...message(5, values)]);
}

function record(data: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(12 + data.length + 4);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, masked(crc32c(bytes.subarray(0, 8))), true);
  bytes.set(data, 12);
  view.setUint32(12 + data.length, masked(crc32c(bytes.subarray(12, 12 + data.length))), true);
  return bytes;
}

/** CRC of data that hold CRCs is weak: TFRecord turns and shifts it. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** CRC-32C (Castagnoli), bit by bit: logs are small. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0x82f63b78 & -(crc & 1));
  }
  return (crc ^ 0xffffffff) >>> 0;
}

// Protocol buffers: a key (number of the field · 8 + kind), then the value ----------------------------------------------

function integer(field: number, value: number): number[] {
  return [field * 8, ...varint(value)];
}

function double(field: number, value: number): number[] {
  return [field * 8 + 1, ...new Uint8Array(new Float64Array([value]).buffer)];
}

function float(field: number, value: number): number[] {
  return [field * 8 + 5, ...new Uint8Array(new Float32Array([value]).buffer)];
}

function text(field: number, value: string): number[] {
  return message(field, [...new TextEncoder().encode(value)]);
}

function message(field: number, bytes: readonly number[]): number[] {
  return [field * 8 + 2, ...varint(bytes.length), ...bytes];
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
}
