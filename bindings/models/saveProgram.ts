// How does a trained model become a program that runs without layers and compiler?

import * as code from "../../assembly/opcodes.ts";
import type { Code } from "../compiler/emit.ts";
import { faultPlace } from "../compiler/loadedCode.ts";
import type { Prepared, Program } from "../compiler/program.ts";
import type { Buffer } from "../compiler/schedule.ts";
import { checkOptionNames } from "../config.ts";
import { check, formatBytes, show } from "../errors.ts";
import { type BatchProgram, base, encodeProgram, type Place, type Port, type Words } from "../formats/programFile.ts";
import type { StoredTensor } from "../formats/storedTensor.ts";
import { inferenceBounds } from "../inference/verifyProgram.ts";
import { sized } from "../layers/apply.ts";
import type { Placeholder } from "../layers/placeholder.ts";
import { writeFileAtomically } from "../platform/atomicFile.ts";
import { machineFingerprint } from "../platform/wasm.ts";
import { type TensorData, zeros } from "../tensor.ts";
import { alignedBytes, type Variable } from "../variable.ts";
import type { Model } from "./model.ts";
import { tracePrediction } from "./prediction.ts";

/** What {@link saveProgram} writes. */
export interface SaveProgramOptions {
  /**
   * Numbers of samples to compile instructions for. A program predicts any number of samples in parts of these sizes;
   * the results do not depend on them. Default [1, 32].
   */
  readonly batchSizes?: readonly number[];
}

const defaultBatchSizes = [1, 32];

/**
 * The model compiled to a program that predicts: instructions and weights in one safetensors file, for `loadProgram` of
 * `wasmgrad/inference`. It runs without layers and compiler, and gives the bits of `model.predict`, but
 * where that uses Winograd's algorithm, which the small machine that only predicts does not have.
 * @param path where to write it, atomically; without one only the bytes are returned.
 * @throws {TensorError} `option` for bad batch sizes, `unsupported` for samples without a fixed shape, operations with a
 *   kernel of the user's own, or without a file system, `state` while the shape of the input is unknown.
 */
export async function saveProgram(
  model: Pick<Model<never, unknown, string>, "name" | "topology">,
  path?: string,
  options: SaveProgramOptions = {},
): Promise<Uint8Array> {
  const bytes = compileToFile(model, options);
  if (path !== undefined) await writeFileAtomically(path, bytes);
  return bytes;
}

function compileToFile(
  model: Pick<Model<never, unknown, string>, "name" | "topology">,
  options: SaveProgramOptions,
): Uint8Array {
  const where = `${model.name}.saveProgram`;
  checkOptionNames(where, options, ["batchSizes"]);
  const sizes = options.batchSizes ?? defaultBatchSizes;
  check(
    Array.isArray(sizes) && sizes.length > 0 && sizes.every((size) => Number.isInteger(size) && size >= 1),
    "option",
    () => ({ where: `${where}.batchSizes`, expected: "a list of integers ≥ 1", received: show(sizes) }),
  );
  const { topology } = model;
  const inputs = portsOf(where, topology.inputNames, topology.inputs);
  const outputs = portsOf(where, topology.outputNames, topology.outputs);
  const weights = new WeightsBlock();
  const batches: BatchProgram[] = [];
  const words: Words[] = [];
  topology.withOwnNames(() => {
    for (const size of [...new Set(sizes)].sort((a, b) => a - b)) {
      const values = topology.inputs.map(({ shape, dtype }) => zeros(sized(shape, size), dtype));
      const program = tracePrediction(topology, values, { algorithms: false });
      checkOutputs(where, program, outputs, size);
      checkAddresses(where, "an arena", program.code.plan.arenaBytes, `a batch of ${size} samples`);
      checkKernels(where, program);
      const [batch, data] = saved(program, size, weights);
      program.dispose();
      batches.push(batch);
      words.push(data);
    }
  });
  checkAddresses(where, "a block of weights", weights.size, "all of them");
  const stored = weights.stored();
  const description = { name: model.name, inputs, outputs, weights: stored.map(({ name }) => name), batches };
  return encodeProgram({ description, weights: stored, words }, machineFingerprint());
}

function portsOf(where: string, names: readonly string[] | undefined, ports: readonly Placeholder[]): Port[] {
  return ports.map(({ shape, dtype }, index) => {
    const [, ...sample] = shape;
    check(!sample.includes(null), "unsupported", () => ({
      where,
      expected: "samples of a fixed shape",
      received: `[${sample.map((size) => size ?? "any").join(", ")}]`,
      remedy: "Make the model for samples of one shape.",
    }));
    return { name: names?.[index] ?? null, shape: sample as number[], dtype };
  });
}

/** A custom layer could return anything. */
function checkOutputs(where: string, { outputs }: Program, ports: readonly Port[], size: number): void {
  outputs.forEach(({ shape, dtype }, index) => {
    const port = ports[index] as Port;
    check(shape.join() === [size, ...port.shape].join() && dtype === port.dtype, "unsupported", () => ({
      where,
      expected: `an output of ${port.dtype} [samples, ${port.shape.join(", ")}]`,
      received: `${dtype} [${shape.join(", ")}] for ${size} samples`,
      remedy: "Outputs need one row for each sample.",
    }));
  });
}

/** Addresses in a file are int32, counted from the beginning of a block. */
const largestBlock = 2 ** 31 - 1;

function checkAddresses(where: string, block: string, bytes: number, purpose: string): void {
  check(bytes <= largestBlock, "memory", () => ({
    where,
    expected: `${block} of less than 2 GiB`,
    received: `${formatBytes(bytes)} for ${purpose}`,
    remedy: "Use smaller batchSizes or a smaller model.",
  }));
}

/** The kernels of users are not in the file, those for training not in the machine of `wasmgrad/inference`. */
function checkKernels(where: string, { code: { listing } }: Program): void {
  const other = listing.find((each) => each !== undefined && !Object.hasOwn(inferenceBounds, each.opcode));
  check(other === undefined, "unsupported", () => ({
    where,
    expected: "operations that predict",
    received: `${other?.name}, which ${other?.opcode === code.CUSTOM ? "has a kernel of your own" : "is for training"}`,
    remedy: "Save the model with model.save() and load it with loadModel.",
  }));
}

/** The weights that programs read, one after the other in the order of their first use. */
class WeightsBlock {
  private readonly offsets = new Map<Variable | Prepared, number>();
  private readonly prepared: Prepared[] = [];
  private bytes = 0;

  offsetOf(weight: Variable | Prepared): number {
    let offset = this.offsets.get(weight);
    if (offset === undefined) {
      offset = this.bytes;
      this.offsets.set(weight, offset);
      this.bytes += alignedBytes(weight.value.data.byteLength);
    }
    return offset;
  }

  /** Bytes of the block. */
  get size(): number {
    return this.bytes;
  }

  /** The same as `prepared`, of another batch size maybe: programs for all of them share what is equal. */
  shared(prepared: Prepared): Prepared {
    const known = this.prepared.find((other) => sameBytes(other.value.data, prepared.value.data));
    if (known === undefined) this.prepared.push(prepared);
    return known ?? prepared;
  }

  stored(): StoredTensor[] {
    const taken = new Set<string>();
    return [...this.offsets.keys()].map((weight) => {
      const { dtype, shape, data } = weight.value;
      // Variables of custom layers may have any name.
      let { name } = weight;
      for (let count = 2; taken.has(name); count++) name = `${weight.name}#${count}`;
      taken.add(name);
      return { name, dtype, shape, data };
    });
  }
}

function sameBytes(a: TensorData, b: TensorData): boolean {
  if (a.byteLength !== b.byteLength) return false;
  const [left, right] = [a, b].map((data) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return left?.every((byte, index) => byte === right?.[index]) === true;
}

/** What every run of `program` does, as data; what it prepares is among the weights. */
function saved(program: Program, size: number, weights: WeightsBlock): [BatchProgram, Words] {
  const { code } = program;
  const prepared = new Map([...program.readPrepared()].map(([buffer, each]) => [buffer, weights.shared(each)]));
  const placeOf = (buffer: Buffer): Place => {
    const { place } = buffer;
    if (place.kind === "constant") return [base.words, code.constants.get(buffer) as number];
    if (place.kind === "variable") return [base.weights, weights.offsetOf(place.variable)];
    if (place.kind === "prepared") return [base.weights, weights.offsetOf(prepared.get(buffer) as Prepared)];
    return [base.arena, code.plan.offsets.get(buffer) as number];
  };
  const { words, selfReferences, relocations } = code;
  const addresses = [
    ...selfReferences.map((at) => [at, base.words, words[at] as number]),
    ...relocations.map(({ at, buffer, offset }) => {
      const [from, start] = placeOf(buffer);
      return [at, from, start + offset];
    }),
  ];
  const batch = {
    size,
    instructions: code.instructionCount,
    arenaBytes: code.plan.arenaBytes,
    inputs: program.inputBuffers.map((buffer) => (buffer === undefined ? null : placeOf(buffer))),
    outputs: program.outputBuffers.map(placeOf),
    limits: limitsOf(code),
  };
  return [batch, { words, addresses: Int32Array.from(addresses.flat()) }];
}

/** For errors: where each instruction belongs that may find an index out of range. */
function limitsOf(code: Code): BatchProgram["limits"] {
  const limits: Record<string, readonly [string, number]> = {};
  code.listing.forEach((instruction, index) => {
    const operands = instruction?.operands;
    if (operands?.rows !== undefined || operands?.columns !== undefined) limits[index] = faultPlace(code, index);
  });
  return limits;
}
