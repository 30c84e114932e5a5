// Where does code lie in WebAssembly memory, and how does it run there?

import { engine } from "../engine.ts";
import { TensorError } from "../errors.ts";
import { type Fault, faultError } from "../fault.ts";
import type { Block } from "../heap.ts";
import type { Pace } from "../pace.ts";
import { departureCount, noteChange } from "../variable.ts";
import type { Code } from "./emit.ts";
import { addressesIn } from "./instruction.ts";
import type { Buffer } from "./schedule.ts";

const instructionBytes = 128;

/** Code in a block of WebAssembly memory, which it takes when it is first loaded. */
export class LoadedCode {
  readonly code: Code;
  /** Address of a buffer that is no constant of the code. */
  private readonly placeOf: (buffer: Buffer) => number;
  private readonly changesVariables: boolean;
  private block: Block | undefined;
  private arena = -1;
  private departures = -1;

  constructor(code: Code, placeOf: (buffer: Buffer) => number) {
    this.code = code;
    this.placeOf = placeOf;
    this.changesVariables = code.listing.some((instruction) =>
      addressesIn(Object.values(instruction?.operands ?? {})).some(
        ({ tensor, access }) => access !== "read" && code.buffers.get(tensor)?.place.kind === "variable",
      ),
    );
  }

  /** Puts the words into memory, with the addresses of today. Costs nothing when they are there already. */
  load(): void {
    const machine = engine();
    machine.reserveArena(this.code.plan.arenaBytes);
    if (this.arena === machine.arena && this.departures === departureCount() && this.block !== undefined) return;
    const words = this.code.words.slice();
    this.block ??= machine.allocate(words.byteLength, "program");
    for (const at of this.code.selfReferences) words[at] = (words[at] as number) + this.block.address;
    for (const { at, buffer, offset } of this.code.relocations) words[at] = this.addressOf(buffer) + offset;
    machine.write(this.block.address, words, "int32", words.length);
    this.arena = machine.arena;
    this.departures = departureCount();
  }

  /** Loads it anew the next time: places have changed. */
  unload(): void {
    this.arena = -1;
  }

  /** Runs instructions [begin, end) of what is loaded `repeats` times. @throws {TensorError} `data` when data stop it. */
  run(begin: number, end: number, repeats: number, pace?: Pace): void {
    if (begin === end) return;
    const program = (this.block as Block).address + begin * instructionBytes;
    if (this.changesVariables) noteChange();
    let fault: Fault | undefined;
    try {
      fault = engine().run(program, end - begin, repeats, pace);
    } catch (cause) {
      throw this.trapError(cause);
    }
    if (fault !== undefined) throw faultError(fault, ...faultPlace(this.code, begin + fault.instruction));
  }

  /** Where a buffer is while the code is loaded. */
  addressOf(buffer: Buffer): number {
    const constant = this.code.constants.get(buffer);
    return constant === undefined ? this.placeOf(buffer) : (this.block as Block).address + constant;
  }

  /** The first number that instruction `index` has written and that is infinite or NaN; undefined when there is none. */
  nonFiniteWrite(index: number): number | undefined {
    const machine = engine();
    for (const { tensor, access, offset } of addressesIn(Object.values(this.code.listing[index]?.operands ?? {}))) {
      const buffer = this.code.buffers.get(tensor);
      if (access === "read" || tensor.dtype !== "float32" || buffer === undefined) continue;
      const address = this.addressOf(buffer) + offset;
      const position = machine.firstNonFinite(address, tensor.size);
      if (position >= 0) return machine.readTensor(address + position * 4, [], "float32").item();
    }
    return undefined;
  }

  /** Gives the memory back at once. */
  dispose(): void {
    if (this.block !== undefined) engine().release(this.block);
    this.block = undefined;
    this.unload();
  }

  /** What a user's kernel threw, under the name of its operation; anything else as it is. */
  private trapError(cause: unknown): unknown {
    const address = engine().takeTrapped();
    const instruction = this.code.listing[(address - (this.block as Block).address) / instructionBytes];
    if (instruction === undefined) return cause;
    const { node, name, operands } = instruction;
    return new TensorError(
      "data",
      {
        where: node.scope === "" ? name : `${node.scope} (${name})`,
        expected: "a kernel that comes to its end",
        received: trapOf(cause),
        remedy: `Check its bounds, and that its class has the operands ${Object.keys(operands).join(", ")} in this order.`,
      },
      { cause },
    );
  }
}

/** Where an instruction belongs, for errors, and below which number its indices must be. */
export function faultPlace(code: Code, index: number): [where: string, limit: number] {
  const instruction = code.listing[index];
  const { rows, columns } = instruction?.operands ?? {};
  const limit = rows !== undefined && columns === undefined ? rows : columns;
  const scope = instruction === undefined || instruction.node.scope === "" ? "program" : instruction.node.scope;
  return [`${scope} (${instruction?.name})`, typeof limit === "number" ? limit : 1];
}

/** What happened to a kernel; of another thread's nothing is known but that it failed. */
function trapOf(cause: unknown): string {
  if (cause instanceof TensorError)
    return cause.cause === undefined ? "a failure on another thread" : trapOf(cause.cause);
  return cause instanceof Error ? cause.message : String(cause);
}
