// Where does a weight live? In ordinary memory until a program needs it, then in a block of WebAssembly memory.

import { variableTag } from "./brands.ts";
import { engine } from "./engine.ts";
import { check, show } from "./errors.ts";
import { checkFlag } from "./graph.ts";
import type { Block } from "./heap.ts";
import {
  arrayType,
  type DType,
  elementBytes,
  isWhole,
  type Shape,
  sameShape,
  sizeOf,
  Tensor,
  zeros,
} from "./tensor.ts";

/** A place in WebAssembly memory. Holding the block keeps it allocated. */
export interface Storage {
  readonly block: Block;
  /** Bytes from the start of the block; a multiple of 64. */
  readonly offset: number;
}

/** A value that programs read and update: a weight, an optimizer slot, a counter. */
export class Variable {
  /** For people and files: `dense_1/kernel`. */
  name: string;
  /** Sizes of the axes, outermost first; they never change. */
  readonly shape: Shape;
  /** Of the elements; float32 where it is trained. */
  readonly dtype: DType;
  /** How many models it belongs to; its block is given back at once only when there are none left. */
  users = 0;
  private isTrainable = false;
  private initial: Tensor | undefined;
  private place: Storage | undefined;

  /** @throws {TensorError} `dtype` for what is not a tensor, `option` for what is not a flag. */
  constructor(name: string, initial: Tensor, trainable = false) {
    checkValue(name, initial, "Use tensor(data).");
    this.name = name;
    this.shape = initial.shape;
    this.dtype = initial.dtype;
    this.trainable = trainable;
    this.initial = initial;
  }

  /** Another name for memory that already holds values: one instruction over several neighbouring variables. */
  static over(name: string, storage: Storage, shape: Shape, dtype: DType): Variable {
    const alias = Object.assign(new Variable(name, zeros([0], dtype)), { shape });
    alias.place = storage;
    alias.initial = undefined;
    return alias;
  }

  /** Whether optimizers change it. */
  get trainable(): boolean {
    return this.isTrainable;
  }
  /** @throws {TensorError} `option` unless it is true or false. */
  set trainable(value: boolean) {
    checkFlag(this.name, "trainable", value);
    this.isTrainable = value;
  }

  /** Entries of the package that are built apart have a class each: variables are known by this. */
  get [Symbol.toStringTag](): string {
    return variableTag;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Bytes of the elements. */
  get bytes(): number {
    return this.size * elementBytes[this.dtype];
  }

  /** The place in WebAssembly memory, made now unless `placeTogether` gave it one. */
  get storage(): Storage {
    if (this.place === undefined) placeTogether([this]);
    return this.place as Storage;
  }

  /** Whether it has a place in WebAssembly memory. */
  get placed(): boolean {
    return this.place !== undefined;
  }

  /** The current value, copied. */
  get value(): Tensor {
    if (this.place === undefined) return copy(this.initial as Tensor);
    return engine().readTensor(this.place.block.address + this.place.offset, this.shape, this.dtype);
  }

  /**
   * Replaces the value now; inside a program, `ops.assign` replaces it whenever that runs.
   * @throws {TensorError} `shape` or `dtype` unless both are equal.
   */
  assign(value: Tensor): void {
    checkValue(this.name, value, "Use ops.assign(variable, value) for anything else, and inside traced functions.");
    check(sameShape(value.shape, this.shape), "shape", () => ({
      where: this.name,
      expected: `shape [${this.shape.join(", ")}]`,
      received: `[${value.shape.join(", ")}]`,
    }));
    check(value.dtype === this.dtype, "dtype", () => ({
      where: this.name,
      expected: this.dtype,
      received: value.dtype,
    }));
    noteChange();
    if (this.place === undefined) this.initial = copy(value);
    else engine().write(this.place.block.address + this.place.offset, value.data, this.dtype, this.size);
  }

  /** Takes the value back into ordinary memory, before its block is given back. */
  leave(): void {
    if (this.place === undefined) return;
    this.initial = this.value;
    this.place = undefined;
    departures++;
  }

  /** Moves the value to `place`. */
  moveTo(place: Storage): void {
    const value = this.value;
    this.place = place;
    this.initial = undefined;
    engine().write(place.block.address + place.offset, value.data, this.dtype, this.size);
  }
}

function checkValue(where: string, value: unknown, remedy: string): void {
  check(value instanceof Tensor && isWhole(value), "dtype", () => ({
    where,
    expected: "a tensor of values",
    received: show(value),
    remedy,
  }));
}

let changes = 0;

/** How often values of variables may have changed: what was computed from them before must be computed again. */
export function changeCount(): number {
  return changes;
}

/** Says that values of variables may have changed. */
export function noteChange(): void {
  changes++;
}

let departures = 0;

/** How often a variable has left its place: a program loaded before must be loaded again. */
export function departureCount(): number {
  return departures;
}

/** Bytes between consecutive variables of a block: their size rounded up to 64. */
export function alignedBytes(bytes: number): number {
  return Math.ceil(Math.max(bytes, 1) / 64) * 64;
}

/** Gives those of `variables` that have no place yet consecutive places in one new block, in order. */
export function placeTogether(variables: readonly Variable[]): void {
  const homeless = variables.filter((variable) => !variable.placed);
  if (homeless.length === 0) return;
  const total = homeless.reduce((bytes, variable) => bytes + alignedBytes(variable.bytes), 0);
  const block = engine().allocate(total, `variables of ${(homeless[0] as Variable).name}`);
  engine().clear(block);
  let offset = 0;
  for (const variable of homeless) {
    variable.moveTo({ block, offset });
    offset += alignedBytes(variable.bytes);
  }
}

/** Gives the blocks of `variables` back at once. Nothing may use these, nor neighbours in the blocks, afterwards. */
export function discard(variables: readonly Variable[]): void {
  for (const block of new Set(variables.map(({ storage }) => storage.block))) engine().release(block);
}

function copy(value: Tensor): Tensor {
  return Tensor.of(arrayType(value.dtype).from(value.data as Float32Array), value.shape, value.dtype);
}
