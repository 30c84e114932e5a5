// How does a compiled model run, without the layers and the compiler that made it?

import { engine } from "../engine.ts";
import { check, show, TensorError } from "../errors.ts";
import { type Fault, faultError } from "../fault.ts";
import {
  type BatchProgram,
  blockBytes,
  decodeProgram,
  type Place,
  type Port,
  type ProgramFile,
} from "../formats/programFile.ts";
import type { Block } from "../heap.ts";
import { checkSamples, columnsOf, type DataLike, type PortNames, tensorsOf } from "../models/data.ts";
import { commonRows } from "../models/feed.ts";
import { machineFingerprint } from "../platform/wasm.ts";
import { arrayType, type DType, elementBytes, sizeOf, Tensor, type TensorData, type TensorLike } from "../tensor.ts";
import { alignedBytes } from "../variable.ts";
import { type Verified, verified } from "./verifyProgram.ts";

/**
 * The program in a file that `saveProgram` made.
 * @param source the bytes of the file.
 * @throws {TensorError} `format` when the file is damaged, of another kind, for another version of the machine, or when
 *   its instructions reach beyond the program's own memory or take too long for it; `memory` when there is no room.
 */
export function loadProgram<I = TensorLike, O = Tensor>(source: Uint8Array | ArrayBuffer): InferenceProgram<I, O> {
  const where = "loadProgram";
  check(source instanceof Uint8Array || source instanceof ArrayBuffer, "option", () => ({
    where,
    expected: "the bytes of a file as a Uint8Array or an ArrayBuffer",
    received: show(source),
  }));
  const bytes = source instanceof ArrayBuffer ? new Uint8Array(source) : source;
  const machine = engine();
  const proceed = (crc: number, part: Uint8Array): number => machine.checksum(crc, part);
  const file = decodeProgram(bytes, machineFingerprint(), where, proceed);
  return new InferenceProgram(file, verifiedBatches(file, where));
}

/** What may run, for each batch size. @throws {TensorError} `format` when one may not. */
export function verifiedBatches({ description, weights, words }: ProgramFile, where: string): Verified[] {
  const { inputs, outputs, batches } = description;
  const weightsBytes = blockBytes(weights);
  return batches.map((batch, index) => {
    const code = words[index] as ProgramFile["words"][number];
    const held = (places: BatchProgram["inputs"], ports: readonly Port[]): (readonly [Place, number])[] =>
      places.flatMap((place, port) => {
        const { shape, dtype } = ports[port] as Port;
        return place === null ? [] : [[place, batch.size * sizeOf(shape) * elementBytes[dtype]] as const];
      });
    const result = verified({
      ...code,
      batch,
      room: [code.words.byteLength, batch.arenaBytes, weightsBytes],
      given: held(batch.inputs, inputs),
      taken: held(batch.outputs, outputs),
    });
    check(result !== undefined, "format", () => ({
      where,
      expected: "instructions that keep to the program's own memory and end soon",
      received: `others, for ${batch.size} samples`,
      remedy: "Make the file again with saveProgram.",
    }));
    return result;
  });
}

/** The program of a batch size in WebAssembly memory. */
interface Loaded {
  readonly block: Block;
  /** Where the arena was when the addresses were written. */
  readonly arena: number;
}

/** A trained model as a program: it predicts, and that is all. Made by {@link loadProgram}. */
export class InferenceProgram<I = TensorLike, O = Tensor> {
  /** Name of the model it was made of. */
  readonly name: string;
  /** Name (null for a single nameless one), shape of one sample and dtype of each input. */
  readonly inputs: readonly Port[];
  /** The same of each output. */
  readonly outputs: readonly Port[];
  private readonly file: ProgramFile;
  private readonly verified: readonly Verified[];
  private readonly weights: Block;
  private readonly loaded = new Map<BatchProgram, Loaded>();
  private disposed = false;

  constructor(file: ProgramFile, verified: readonly Verified[]) {
    const { description, weights } = file;
    this.name = description.name;
    this.inputs = description.inputs;
    this.outputs = description.outputs;
    this.file = file;
    this.verified = verified;
    const machine = engine();
    this.weights = machine.allocate(blockBytes(weights), `weights of ${this.name}`);
    machine.clear(this.weights);
    let { address } = this.weights;
    for (const { data, dtype, shape } of weights) {
      machine.write(address, data as TensorData, dtype as DType, sizeOf(shape));
      address += alignedBytes(data.byteLength);
    }
  }

  /** The numbers of samples for which there are instructions, smallest first. */
  get batchSizes(): readonly number[] {
    return this.file.description.batches.map(({ size }) => size);
  }

  /**
   * The outputs for x [samples, ...], synchronously: one tensor, or a record of them for named outputs. The same bits as
   * those of the model's own `predict`, but where that uses Winograd's algorithm. Any number of samples: they are taken in parts of {@link batchSizes}.
   * @throws {TensorError} `shape` or `dtype` for data that do not fit, `data` for none or an index out of range.
   */
  predict(x: I): O {
    const where = `${this.name}.predict`;
    check(!this.disposed, "state", () => ({
      where,
      expected: "a program that is in use",
      received: "a disposed one",
    }));
    const names = namesOf(this.inputs);
    const given = tensorsOf(`${where}: x`, names, x as DataLike);
    checkSamples(
      `${where}: x`,
      names,
      this.inputs.map(({ shape }) => [null, ...shape]),
      given,
    );
    const rows = commonRows(where, columnsOf(given, [], undefined, names));
    const values = given.map((value, index) => {
      const { name, dtype } = this.inputs[index] as Port;
      return converted(name === null ? `${where}: x` : `${where}: x.${name}`, value, dtype);
    });
    const results = this.outputs.map(({ shape, dtype }) => new (arrayType(dtype))(rows * sizeOf(shape)));
    for (let start = 0; start < rows; ) {
      const index = this.batchFor(rows - start);
      this.run(index, values, start, rows, results);
      start += this.batchSizes[index] as number;
    }
    const tensors = this.outputs.map(({ shape, dtype }, index) =>
      Tensor.of(results[index] as TensorData, [rows, ...shape], dtype),
    );
    if (namesOf(this.outputs) === undefined) return tensors[0] as O;
    return Object.fromEntries(this.outputs.map(({ name }, index) => [name, tensors[index]])) as O;
  }

  /** Gives the memory back at once; otherwise garbage collection does. The program cannot be used afterwards. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    for (const { block } of this.loaded.values()) engine().release(block);
    engine().release(this.weights);
  }

  /**
   * Which program takes the next of `rest` samples: the smallest that holds them all if they fill half of it, else the
   * largest that they fill, else the smallest.
   */
  private batchFor(rest: number): number {
    const sizes = this.batchSizes;
    const enough = sizes.findIndex((size) => size >= rest);
    if (enough >= 0 && (sizes[enough] as number) <= 2 * rest) return enough;
    return Math.max(
      0,
      sizes.findLastIndex((size) => size <= rest),
    );
  }

  /** Computes samples from `start` on, as many as the batch takes; where there are none it takes zeros. */
  private run(
    index: number,
    values: readonly TensorData[],
    start: number,
    rows: number,
    results: readonly TensorData[],
  ): void {
    const batch = this.file.description.batches[index] as BatchProgram;
    const machine = engine();
    machine.reserveArena(batch.arenaBytes);
    const { places, cleared } = this.verified[index] as Verified;
    const { block, arena } = this.load(index, batch, places);
    for (const { address, bytes } of cleared) machine.clear({ address: arena + address, bytes });
    const bases = [block.address, arena, this.weights.address];
    const addressOf = ([base, offset]: Place): number => (bases[base] as number) + offset;
    const end = Math.min(rows, start + batch.size);
    batch.inputs.forEach((place, port) => {
      if (place === null) return;
      const { shape, dtype } = this.inputs[port] as Port;
      const stride = sizeOf(shape);
      const part = (values[port] as TensorData).subarray(start * stride, end * stride);
      machine.write(addressOf(place), part, dtype, (end - start) * stride);
      const missing = (start + batch.size - end) * stride;
      if (missing > 0)
        machine.write(addressOf(place) + part.byteLength, new (arrayType(dtype))(missing), dtype, missing);
    });
    const fault = this.execute(block, batch);
    if (fault !== undefined) throw faultError(fault, ...(batch.limits[fault.instruction] ?? [this.name, 1]));
    batch.outputs.forEach((place, port) => {
      const result = results[port] as TensorData;
      const { shape, dtype } = this.outputs[port] as Port;
      const { data } = machine.readTensor(addressOf(place), [end - start, ...shape], dtype);
      result.set(data, start * sizeOf(shape));
    });
  }

  /** Words with the addresses of today. Costs nothing when they are in memory already. */
  private load(index: number, batch: BatchProgram, places: Verified["places"]): Loaded {
    const machine = engine();
    const { arena } = machine;
    const last = this.loaded.get(batch);
    if (last?.arena === arena) return last;
    const { words } = this.file.words[index] as ProgramFile["words"][number];
    const block = last?.block ?? machine.allocate(words.byteLength, `program of ${this.name}`);
    const bases = [block.address, arena, this.weights.address];
    const placed = words.slice();
    for (const [position, [base, offset]] of places) placed[position] = (bases[base] as number) + offset;
    machine.write(block.address, placed, "int32", placed.length);
    const loaded = { block, arena };
    this.loaded.set(batch, loaded);
    return loaded;
  }

  private execute(block: Block, batch: BatchProgram): Fault | undefined {
    try {
      return engine().run(block.address, batch.instructions, 1);
    } catch (cause) {
      const parts = {
        where: this.name,
        expected: "a program as saveProgram made it",
        received: "one that was changed",
      };
      throw new TensorError("format", { ...parts, remedy: "Make the file again with saveProgram." }, { cause });
    }
  }
}

/** undefined for a single nameless port. */
function namesOf(ports: readonly Port[]): PortNames {
  return ports[0]?.name === null ? undefined : ports.map(({ name }) => name as string);
}

/** The elements as `dtype`. @throws {TensorError} `dtype` when integers are wanted and there are others. */
function converted(where: string, { data, dtype: given }: Tensor, dtype: DType): TensorData {
  if (given === dtype) return data;
  const result = arrayType(dtype).from(data as Float32Array);
  const exact = dtype === "float32" || result.every((value, index) => value === data[index]);
  check(exact && (dtype !== "bool" || result.every((value) => value <= 1)), "dtype", () => ({
    where,
    expected: `numbers that ${dtype} can hold`,
    received: `others, of dtype ${given}`,
    remedy: `The program was made for ${dtype}.`,
  }));
  return result;
}
