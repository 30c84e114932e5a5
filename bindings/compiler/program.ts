// How does a graph become a program that runs? All passes in order, then the words in WebAssembly memory.

import { engine } from "../engine.ts";
import { check, TensorError } from "../errors.ts";
import { type Fault, faultError } from "../fault.ts";
import { readVariable, type SymbolicTensor } from "../graph.ts";
import type { Block } from "../heap.ts";
import { Pace } from "../pace.ts";
import type { Tensor } from "../tensor.ts";
import { departureCount, placeTogether, type Variable } from "../variable.ts";
import { type Code, emit } from "./emit.ts";
import { type Explanation, explainProgram } from "./explain.ts";
import { fuse } from "./fuse.ts";
import { type Graph, nodesOf } from "./graphPass.ts";
import { plan } from "./plan.ts";
import { type Buffer, schedule } from "./schedule.ts";
import { mergeCommon } from "./simplify.ts";
import { snapshot } from "./snapshot.ts";
import type { Verifier } from "./verify.ts";

/** Passes that may be left out: results stay the same, only slower or larger. */
export interface CompileOptions {
  /** Merge equal nodes. Default true. */
  readonly merge?: boolean;
  /** Fuse operations into fewer instructions. Default true. */
  readonly fuse?: boolean;
  /** Let buffers that are never needed together share memory. Default true. */
  readonly reuse?: boolean;
  /** What checks the data between all passes. Default none; the tests give `verifier`. */
  readonly verify?: Verifier | undefined;
}

/** Options of every compilation that does not say otherwise; tests change them. */
export const defaultCompileOptions: { -readonly [K in keyof CompileOptions]: CompileOptions[K] } = {
  merge: true,
  fuse: true,
  reuse: true,
  verify: undefined,
};

/**
 * Compiles `graph`. `inputs` are its input nodes in the order in which {@link Program.run} takes their values; those the
 * graph does not need may be among them.
 */
export function compile(graph: Graph, inputs: readonly SymbolicTensor[], options: CompileOptions = {}): Program {
  const chosen = { ...defaultCompileOptions, ...options };
  placeTogether(variablesOf(graph));
  const checkGraph = (result: Graph): Graph => chosen.verify?.graph(result) ?? result;
  const merged = checkGraph(chosen.merge ? mergeCommon(graph) : graph);
  const steady = checkGraph(snapshot(merged));
  const fused = checkGraph(chosen.fuse ? fuse(steady) : steady);
  const scheduled = schedule(fused);
  const planned = plan(scheduled, chosen.reuse);
  chosen.verify?.schedule(scheduled);
  chosen.verify?.plan(scheduled, planned);
  const buffersByName = new Map<string, Buffer>();
  for (const buffer of scheduled.buffers.values())
    if (buffer.place.kind === "input" || buffer.place.kind === "bound") buffersByName.set(buffer.place.name, buffer);
  return new Program(emit(scheduled, planned), inputs, graph.outputs, scheduled.outputs, buffersByName);
}

/** All variables that the graph reads or changes, in order of first use. */
function variablesOf(graph: Graph): Variable[] {
  return nodesOf(graph).flatMap((node) => (node.inputs.length === 0 ? (readVariable(node)?.variable ?? []) : []));
}

const instructionBytes = 128;

/** A compiled program: printable code, and a block of WebAssembly memory once it runs. */
export class Program {
  readonly code: Code;
  readonly outputs: readonly SymbolicTensor[];
  readonly outputBuffers: readonly Buffer[];
  /** Where {@link run} puts the values of the inputs; undefined for what the graph does not need. */
  readonly inputBuffers: readonly (Buffer | undefined)[];
  private readonly buffersByName: ReadonlyMap<string, Buffer>;
  private readonly bound = new Map<Buffer, Block>();
  /** How fast it is with other threads and without; undefined when it has no phase that they could share. */
  private readonly pace: Pace | undefined;
  private block: Block | undefined;
  private loadedArena = -1;
  private loadedDepartures = -1;

  constructor(
    code: Code,
    inputs: readonly SymbolicTensor[],
    outputs: readonly SymbolicTensor[],
    outputBuffers: readonly Buffer[],
    buffersByName: ReadonlyMap<string, Buffer>,
  ) {
    this.code = code;
    if (code.phases.some(({ chunks }) => chunks > 1)) this.pace = new Pace();
    this.outputs = outputs;
    this.outputBuffers = outputBuffers;
    this.buffersByName = buffersByName;
    this.inputBuffers = inputs.map((input) => buffersByName.get((input.attributes as { name: string }).name));
  }

  /** Names the block that holds a bound input. The block must be as large as the input. */
  bind(name: string, block: Block): void {
    const buffer = this.buffersByName.get(name);
    if (buffer === undefined || this.bound.get(buffer) === block) return;
    this.bound.set(buffer, block);
    this.loadedArena = -1;
  }

  /** Forgets the blocks of bound inputs, so that they can be freed. */
  unbind(): void {
    this.bound.clear();
    this.loadedArena = -1;
  }

  /**
   * Runs `repeats` times on the values of the inputs (not of the bound ones) and copies the outputs of the last time.
   * @throws {TensorError} `data` when the data stop the program: an index or label out of range.
   */
  run(values: readonly Tensor[] = [], repeats = 1): Tensor[] {
    this.load();
    const machine = engine();
    values.forEach((value, index) => {
      const buffer = this.inputBuffers[index];
      if (buffer !== undefined) machine.write(this.addressOf(buffer), value.data);
    });
    this.execute(0, this.code.instructionCount, repeats);
    return this.outputs.map((output, index) =>
      machine.readTensor(this.addressOf(this.outputBuffers[index] as Buffer), output.shape, output.dtype),
    );
  }

  /** Runs instructions [begin, end) only; what they need must have run before. For measuring. */
  runPart(begin: number, end: number): void {
    this.load();
    this.execute(begin, end, 1);
  }

  /** Arithmetic operations of one run, if threads can share them; else 0. */
  get sharedFlops(): number {
    return this.pace !== undefined
      ? this.code.listing.reduce((sum, instruction) => sum + (instruction?.flops ?? 0), 0)
      : 0;
  }

  /** What the program does: instructions, addresses, costs; see {@link Explanation}. */
  explain(microseconds?: readonly number[]): Explanation {
    return explainProgram(this.code, microseconds);
  }

  /** Gives the memory back at once. The program may run again; it is loaded anew then. */
  dispose(): void {
    if (this.block !== undefined) engine().release(this.block);
    this.block = undefined;
    this.loadedArena = -1;
  }

  private execute(begin: number, end: number, repeats: number): void {
    const program = (this.block as Block).address + begin * instructionBytes;
    const whole = begin === 0 && end === this.code.instructionCount;
    let fault: Fault | undefined;
    try {
      fault = engine().run(program, end - begin, repeats, whole ? this.pace : undefined);
    } catch (cause) {
      throw this.trapError(cause);
    }
    if (fault !== undefined) throw faultError(fault, ...faultPlace(this.code, begin + fault.instruction));
  }

  /** Puts the words into memory, with the addresses of today. Costs nothing when they are there already. */
  private load(): void {
    const machine = engine();
    machine.reserveArena(this.code.plan.arenaBytes);
    if (this.loadedArena === machine.arena && this.loadedDepartures === departureCount() && this.block !== undefined)
      return;
    const words = this.code.words.slice();
    this.block ??= machine.allocate(words.byteLength, "program");
    for (const at of this.code.selfReferences) words[at] = (words[at] as number) + this.block.address;
    for (const { at, buffer, offset } of this.code.relocations) words[at] = this.addressOf(buffer) + offset;
    machine.write(this.block.address, words);
    this.loadedArena = machine.arena;
    this.loadedDepartures = departureCount();
  }

  private addressOf(buffer: Buffer): number {
    const { place } = buffer;
    if (place.kind === "constant") return (this.block as Block).address + (this.code.constants.get(buffer) as number);
    if (place.kind === "variable") return place.variable.storage.block.address + place.variable.storage.offset;
    if (place.kind === "bound") {
      const block = this.bound.get(buffer);
      check(block !== undefined, "internal", () => ({
        where: "program",
        expected: `a block bound to ${place.name}`,
        received: "none",
      }));
      return block.address;
    }
    return engine().arena + (this.code.plan.offsets.get(buffer) as number);
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
