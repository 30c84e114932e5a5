// Is memory of others read or written? Models that stay predict the same bits, and what is nobody's is full of a pattern.

import { engine } from "../../bindings/engine.ts";
import type { Block } from "../../bindings/heap.ts";
import { loadProgram } from "../../bindings/inference/index.ts";
import type { Tensor } from "../../bindings/tensor.ts";
import { savedSubject, subject } from "../harness/savedPrograms.ts";
import { Harm } from "./reader.ts";

/** Larger memories are not compared byte by byte. */
const comparedBytes = 48 << 20;

interface Insides {
  readonly memory: WebAssembly.Memory;
  readonly scratch: Block;
  readonly arenaBlock: Block;
}

const insides = (): Insides => engine() as unknown as Insides;
const neighbours: Block[] = [];

/** Bytes of WebAssembly memory there are. */
export function memoryBytes(): number {
  return insides().memory.buffer.byteLength;
}

/** Fills what holds nothing between two calls: scratch, the arena, and some blocks between those of others. */
export function fillFree(pattern: number): void {
  const { memory, scratch, arenaBlock } = insides();
  while (neighbours.length < 4) neighbours.push(engine().allocate(2048, "a neighbour"));
  const bytes = new Uint8Array(memory.buffer);
  for (const { address, bytes: length } of [scratch, arenaBlock, ...neighbours])
    bytes.fill(pattern, address, address + length);
}

/** A copy of all memory; undefined when that is too much. */
export function copyOfMemory(): Buffer | undefined {
  const { memory } = insides();
  return memory.buffer.byteLength > comparedBytes
    ? undefined
    : Buffer.from(new Uint8Array(memory.buffer).slice().buffer);
}

/** Throws unless what has changed since `before` lies in scratch, in the first `arenaBytes` of the arena, or in `own`. */
export function expectOnly(own: readonly Block[], arenaBytes: number, before: Buffer | undefined): void {
  if (before === undefined) return;
  const { memory, scratch } = insides();
  const after = Buffer.from(memory.buffer);
  const ranges = [scratch, { address: engine().arena, bytes: arenaBytes }, ...own].sort(
    (a, b) => a.address - b.address,
  );
  let at = scratch.address;
  for (const { address, bytes } of [...ranges, { address: before.length, bytes: 0 }]) {
    const end = Math.min(address, before.length);
    if (at < end && after.compare(before, at, end, at, end) !== 0) {
      let place = at;
      while (after[place] === before[place]) place++;
      throw new Harm(`byte ${place} was written, which is not the program's`);
    }
    at = Math.max(at, address + bytes);
  }
}

/** Models and a program that stay while others come and go. */
export class Residents {
  private readonly predict: (() => Tensor)[] = [];
  private readonly expected: string[] = [];

  static async settle(): Promise<Residents> {
    const residents = new Residents();
    for (const name of ["dense", "convolutional"]) {
      const { trained, x } = subject(name, 3);
      residents.predict.push(() => trained.predict(x as Tensor) as Tensor);
    }
    const program = loadProgram<Tensor, Tensor>(await savedSubject("depthwise", [2]));
    const { x } = subject("depthwise", 3);
    residents.predict.push(() => program.predict(x as Tensor));
    residents.expected.push(...residents.predict.map((each) => bitsOf(each())));
    return residents;
  }

  /** @throws {Harm} when one of them predicts something else than at first. */
  check(): void {
    this.predict.forEach((each, index) => {
      if (bitsOf(each()) !== this.expected[index]) throw new Harm(`another model (${index}) predicts other numbers`);
    });
  }
}

/** The bits of tensors, as text. */
export function bitsOf(...tensors: readonly Tensor[]): string {
  return tensors
    .map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64"))
    .join();
}
