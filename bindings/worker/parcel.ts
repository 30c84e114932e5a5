// How do data reach the other side: copied once, without a long pause, and never taken from the user unasked?

import { show, TensorError } from "../errors.ts";
import { type DataLike, tensorAt } from "../models/data.ts";
import { yieldToEvents } from "../platform/yielding.ts";
import { arrayType, type DType, type Shape, Tensor, type TensorData, type TensorLike } from "../tensor.ts";

/** A tensor as data. */
interface PackedTensor {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly data: TensorData;
}

/** What a model was given, as data: a tensor, several by name, or what is no data at all, for the model to refuse. */
export type Parcel =
  | { readonly kind: "tensor"; readonly value: PackedTensor }
  | { readonly kind: "record"; readonly values: Readonly<Record<string, Parcel>> }
  | { readonly kind: "other"; readonly value: unknown };

/** Bytes copied in one go: a millisecond or two. */
const sliceBytes = 4 << 20;

/** Packs the data of one call. Arrays that occur several times are copied once. */
export class Packer {
  /** The buffers to hand over. */
  readonly transfer: Set<ArrayBuffer> = new Set();
  private readonly giveAway: boolean;
  private readonly copies = new Map<TensorData, TensorData>();

  /** @param giveAway hand the arrays themselves over instead of copies, where they fill their buffers. */
  constructor(giveAway: boolean) {
    this.giveAway = giveAway;
  }

  /** @throws {TensorError} `dtype` or `shape` for nested arrays that are no data, at `where`. */
  async pack(where: string, data: DataLike | undefined): Promise<Parcel> {
    if (isData(data)) return this.packTensor(where, data);
    if (typeof data !== "object" || data === null) return { kind: "other", value: refusable(data) };
    const values: [string, Parcel][] = [];
    for (const [name, value] of Object.entries(data)) {
      const other = (): Parcel => ({ kind: "other", value: refusable(value) });
      values.push([name, isData(value) ? await this.packTensor(`${where}.${name}`, value) : other()]);
    }
    // Names are the user's: `__proto__` is one like any other.
    return { kind: "record", values: Object.fromEntries(values) };
  }

  private async packTensor(where: string, given: TensorLike): Promise<Parcel> {
    const { shape, dtype, data } = tensorAt(where, given);
    const kept = !this.giveAway && (given instanceof Tensor || given === data);
    return { kind: "tensor", value: { shape, dtype, data: await this.send(data, dtype, kept) } };
  }

  /** The array to send for `data`: itself, or a copy when it is `kept` or shares its buffer with others. */
  private async send(data: TensorData, dtype: DType, kept: boolean): Promise<TensorData> {
    const known = this.copies.get(data);
    if (known !== undefined) return known;
    const { buffer, byteLength } = data;
    const movable = !kept && buffer instanceof ArrayBuffer && buffer.byteLength === byteLength;
    const sent = movable ? data : await copied(data, dtype);
    this.transfer.add(sent.buffer as ArrayBuffer);
    this.copies.set(data, sent);
    return sent;
  }
}

/** A copy of `data` in a buffer of its own, made in slices between which other events have their turn. */
async function copied(data: TensorData, dtype: DType): Promise<TensorData> {
  const copy = new (arrayType(dtype))(data.length);
  const step = sliceBytes / data.BYTES_PER_ELEMENT;
  for (let start = 0; start < data.length; start += step) {
    if (start > 0) await yieldToEvents();
    copy.set(data.subarray(start, start + step), start);
  }
  return copy;
}

/** The data in a parcel. */
export function unpack(parcel: Parcel): DataLike {
  if (parcel.kind === "other") return parcel.value as DataLike;
  if (parcel.kind === "tensor") return unpackTensor(parcel.value);
  return Object.fromEntries(Object.entries(parcel.values).map(([name, value]) => [name, unpack(value) as TensorLike]));
}

/** What a model computed, packed to be handed over without a copy. */
export function packResult(result: Tensor | Readonly<Record<string, Tensor>>, transfer: Set<ArrayBuffer>): Parcel {
  if (!(result instanceof Tensor))
    return {
      kind: "record",
      values: Object.fromEntries(Object.entries(result).map(([name, value]) => [name, packResult(value, transfer)])),
    };
  const { shape, dtype, data } = result;
  transfer.add(data.buffer as ArrayBuffer);
  return { kind: "tensor", value: { shape, dtype, data } };
}

function unpackTensor({ data, shape, dtype }: PackedTensor): Tensor {
  return Tensor.of(data, shape, dtype);
}

function isData(value: unknown): value is TensorLike {
  return value instanceof Tensor || ArrayBuffer.isView(value) || Array.isArray(value) || typeof value === "number";
}

/** Something that is no data, in a form that can be sent, so that the model refuses it in its own words. */
function refusable(value: unknown): unknown {
  return typeof value === "function" || typeof value === "symbol" ? show(value) : value;
}

/** The error for what no runtime can send. */
export function unsendable(where: string, cause: unknown): TensorError {
  return new TensorError(
    "option",
    {
      where,
      expected: "data and options that can be sent to a worker",
      received: cause instanceof Error ? cause.message.replace(/\.$/, "") : String(cause),
      remedy: "Give tensors, typed arrays or nested arrays of numbers.",
    },
    { cause },
  );
}
