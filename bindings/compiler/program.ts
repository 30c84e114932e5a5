// How does a graph become a program that runs? All passes in order, then the words in WebAssembly memory.

import { engine } from "../engine.ts";
import { check } from "../errors.ts";
import { readVariable, type SymbolicTensor } from "../graph.ts";
import type { Block } from "../heap.ts";
import { Pace } from "../pace.ts";
import type { Tensor, TensorData } from "../tensor.ts";
import { changeCount, placeTogether, type Variable } from "../variable.ts";
import { chooseAlgorithms } from "./algorithms.ts";
import { type Code, emit } from "./emit.ts";
import { type Explanation, explainProgram } from "./explain.ts";
import { foldScale } from "./foldScale.ts";
import { fuse } from "./fuse.ts";
import { type Graph, nodesOf } from "./graphPass.ts";
import { LoadedCode } from "./loadedCode.ts";
import { plan } from "./plan.ts";
import { type Buffer, parts, schedule } from "./schedule.ts";
import { mergeCommon } from "./simplify.ts";
import { snapshot } from "./snapshot.ts";
import type { Verifier } from "./verify.ts";

/** Passes that may be left out: results stay the same, only slower or larger. */
export interface CompileOptions {
  /** Merge equal nodes. Default true. */
  readonly merge?: boolean;
  /** Use algorithms with fewer multiplications, whose results differ in their last bits. Default true. */
  readonly algorithms?: boolean;
  /** Take factors of columns into the weights before them, which changes last bits too. Default true. */
  readonly foldScales?: boolean;
  /** Fuse operations into fewer instructions. Default true. */
  readonly fuse?: boolean;
  /** Compute what no run changes only once. Default true. */
  readonly hoist?: boolean;
  /** Let buffers that are never needed together share memory. Default true. */
  readonly reuse?: boolean;
  /** What checks the data between all passes. Default none; the tests give `verifier`. */
  readonly verify?: Verifier | undefined;
}

/** Options of every compilation that does not say otherwise; tests change them. */
export const defaultCompileOptions: { -readonly [K in keyof CompileOptions]: CompileOptions[K] } = {
  merge: true,
  algorithms: true,
  foldScales: true,
  fuse: true,
  hoist: true,
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
  const folded = checkGraph(chosen.foldScales ? foldScale(merged) : merged);
  const chosenAlgorithms = checkGraph(chosen.algorithms ? chooseAlgorithms(folded) : folded);
  const steady = checkGraph(snapshot(chosenAlgorithms));
  const fused = checkGraph(chosen.fuse ? fuse(steady) : steady);
  const scheduled = schedule(fused, chosen.hoist);
  const planned = plan(scheduled, chosen.reuse);
  chosen.verify?.schedule(scheduled);
  chosen.verify?.plan(scheduled, planned);
  const [preparation, main] = parts(scheduled);
  const codes = { main: emit(main, planned), preparation: preparation && emit(preparation, planned) };
  return new Program(codes, inputs, graph.outputs, scheduled.outputs);
}

/** All variables that the graph reads or changes, in order of first use. */
function variablesOf(graph: Graph): Variable[] {
  return nodesOf(graph).flatMap((node) => (node.inputs.length === 0 ? (readVariable(node)?.variable ?? []) : []));
}

/** The instructions of a program. */
export interface ProgramCode {
  /** Runs before {@link main} when weights have changed since the last time: what it writes stays. */
  readonly preparation: Code | undefined;
  readonly main: Code;
}

/** A compiled program: printable code, and blocks of WebAssembly memory once it runs. */
export class Program {
  readonly outputs: readonly SymbolicTensor[];
  readonly outputBuffers: readonly Buffer[];
  /** Where {@link run} puts the values of the inputs; undefined for what the graph does not need. */
  readonly inputBuffers: readonly (Buffer | undefined)[];
  /** What the inputs are: their names, shapes and dtypes. */
  private readonly inputs: readonly SymbolicTensor[];
  private readonly main: LoadedCode;
  private readonly preparation: LoadedCode | undefined;
  private readonly buffersByName: ReadonlyMap<string, Buffer>;
  private readonly bound = new Map<Buffer, Block>();
  /** How fast it is with other threads and without; undefined when it has no phase that they could share. */
  private readonly pace: Pace | undefined;
  /** What is prepared, and at which {@link changeCount} it was. */
  private prepared: Block | undefined;
  private preparedAt = -1;

  constructor(
    { main, preparation }: ProgramCode,
    inputs: readonly SymbolicTensor[],
    outputs: readonly SymbolicTensor[],
    outputBuffers: readonly Buffer[],
  ) {
    const placeOf = (buffer: Buffer): number => this.placeOf(buffer);
    this.main = new LoadedCode(main, placeOf);
    if (preparation !== undefined) this.preparation = new LoadedCode(preparation, placeOf);
    if (main.phases.some(({ chunks }) => chunks > 1)) this.pace = new Pace();
    this.inputs = inputs;
    this.outputs = outputs;
    this.outputBuffers = outputBuffers;
    const buffersByName = new Map<string, Buffer>();
    for (const buffer of main.buffers.values())
      if (buffer.place.kind === "input" || buffer.place.kind === "bound") buffersByName.set(buffer.place.name, buffer);
    this.buffersByName = buffersByName;
    this.inputBuffers = inputs.map((input) => buffersByName.get((input.attributes as { name: string }).name));
  }

  /** What every run does. */
  get code(): Code {
    return this.main.code;
  }

  /** Instructions, those of the preparation first. */
  get instructionCount(): number {
    return this.code.instructionCount + (this.preparation?.code.instructionCount ?? 0);
  }

  /** Names the block that holds a bound input. The block must be as large as the input. */
  bind(name: string, block: Block): void {
    const buffer = this.buffersByName.get(name);
    if (buffer === undefined || this.bound.get(buffer) === block) return;
    check(block.bytes >= buffer.bytes, "internal", () => ({
      where: "program",
      expected: `a block of ${buffer.bytes} bytes for ${name}`,
      received: `one of ${block.bytes}`,
    }));
    this.bound.set(buffer, block);
    this.main.unload();
  }

  /** Forgets the blocks of bound inputs, so that they can be freed. */
  unbind(): void {
    this.bound.clear();
    this.main.unload();
  }

  /**
   * Runs `repeats` times on the values of the inputs (not of the bound ones) and copies the outputs of the last time.
   * @throws {TensorError} `data` when the data stop the program: an index or label out of range; and for values that are
   *   missing or not of the dtype and size of their input, before any is written.
   */
  run(values: readonly Tensor[] = [], repeats = 1): Tensor[] {
    this.main.load();
    const machine = engine();
    machine.poison();
    this.prepare();
    for (let index = 0; index < this.inputBuffers.length; index++) {
      const buffer = this.inputBuffers[index];
      if (buffer?.place.kind !== "input") continue;
      const { dtype, size } = this.inputs[index] as SymbolicTensor;
      machine.write(this.main.addressOf(buffer), values[index]?.data as TensorData, dtype, size);
    }
    this.main.run(0, this.code.instructionCount, repeats, this.pace);
    return this.outputs.map((output, index) =>
      machine.readTensor(this.main.addressOf(this.outputBuffers[index] as Buffer), output.shape, output.dtype),
    );
  }

  /** Runs one instruction, by its index in {@link explain}; what it needs must have run before. For measuring. */
  runOne(index: number): void {
    const preparing = this.preparation?.code.instructionCount ?? 0;
    const part = index < preparing ? this.preparation : this.main;
    const own = index < preparing ? index : index - preparing;
    this.main.load();
    part?.run(own, own + 1, 1);
  }

  /** Runs once, one instruction after the other. @returns the first that wrote an infinite number or NaN, and that number. */
  findNonFinite(): { readonly index: number; readonly value: number } | undefined {
    let index = 0;
    for (const part of [this.preparation, this.main]) {
      part?.load();
      for (let own = 0; own < (part?.code.instructionCount ?? 0); own++, index++) {
        part?.run(own, own + 1, 1);
        const value = part?.nonFiniteWrite(own);
        if (value !== undefined) return { index, value };
      }
    }
    return undefined;
  }

  /** What is prepared, with the values that variables have now. */
  readPrepared(): Map<Buffer, Prepared> {
    this.prepare();
    const found = new Map<Buffer, Prepared>();
    for (const instruction of this.preparation?.code.listing ?? []) {
      if (instruction === undefined) continue;
      const { node } = instruction;
      const buffer = this.code.buffers.get(node) as Buffer;
      if (buffer.place.kind !== "prepared") continue;
      const value = engine().readTensor(this.placeOf(buffer), node.shape, node.dtype);
      found.set(buffer, { name: `${node.scope}/${instruction.name}`, value });
    }
    return found;
  }

  /** Arithmetic operations of one run, if threads can share them; else 0. */
  get sharedFlops(): number {
    return this.pace !== undefined
      ? this.code.listing.reduce((sum, instruction) => sum + (instruction?.flops ?? 0), 0)
      : 0;
  }

  /** What the program does: instructions, addresses, costs; see {@link Explanation}. */
  explain(microseconds?: readonly number[]): Explanation {
    return explainProgram(this.code, this.preparation?.code, microseconds);
  }

  /** Gives the memory back at once. The program may run again; it is loaded anew then. */
  dispose(): void {
    this.main.dispose();
    this.preparation?.dispose();
    if (this.prepared !== undefined) engine().release(this.prepared);
    this.prepared = undefined;
    this.preparedAt = -1;
  }

  /** Computes what no run changes, unless that was done with the values that variables have now. */
  private prepare(): void {
    const { preparation } = this;
    if (preparation === undefined || this.preparedAt === changeCount()) return;
    preparation.load();
    preparation.run(0, preparation.code.instructionCount, 1);
    this.preparedAt = changeCount();
  }

  private placeOf(buffer: Buffer): number {
    const { place } = buffer;
    const offset = this.code.plan.offsets.get(buffer) ?? 0;
    switch (place.kind) {
      case "variable":
        return place.variable.storage.block.address + place.variable.storage.offset;
      case "prepared":
        this.prepared ??= engine().allocate(this.code.plan.preparedBytes, "prepared weights");
        return this.prepared.address + offset;
      case "bound": {
        const block = this.bound.get(buffer);
        check(block !== undefined, "internal", () => ({
          where: "program",
          expected: `a block bound to ${place.name}`,
          received: "none",
        }));
        return block.address;
      }
      default:
        return engine().arena + offset;
    }
  }
}

/** A tensor that a program computed once from weights. */
export interface Prepared {
  /** For people and files: path of the layer and operation. */
  readonly name: string;
  readonly value: Tensor;
}
