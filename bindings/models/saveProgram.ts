// How does a trained model become a program that runs without layers and compiler?

import * as code from "../../assembly/opcodes.ts";
import { faultPlace, type Program } from "../compiler/program.ts";
import type { Buffer } from "../compiler/schedule.ts";
import { checkOptionNames } from "../config.ts";
import { check, show } from "../errors.ts";
import { type BatchProgram, base, encodeProgram, type Place, type Port, type Words } from "../formats/programFile.ts";
import type { StoredTensor } from "../formats/storedTensor.ts";
import { sized } from "../layers/layer.ts";
import type { Placeholder } from "../layers/placeholder.ts";
import { writeFileAtomically } from "../platform/files.ts";
import { machineFingerprint } from "../platform/wasm.ts";
import { zeros } from "../tensor.ts";
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
 * `wasmgrad/inference`. It runs without layers and compiler, and gives the bits of `model.predict`.
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
      const program = tracePrediction(topology, values);
      checkOutputs(where, program, outputs, size);
      checkKernels(where, program);
      batches.push(batchProgram(program, size, weights));
      words.push(wordsOf(program, weights));
    }
  });
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

/** The instructions of the machine that only predicts: assembly/machine.ts has the others where TRAINS is 1. */
export const inferenceOpcodes: readonly number[] = [
  code.SYNC,
  code.MAP,
  code.MATMUL,
  code.REDUCE,
  code.COPY,
  code.GATHER,
  code.SOFTMAX,
  code.POOL,
  code.CONV,
];

/** The kernels of users are not in the file, those for training not in the machine of `wasmgrad/inference`. */
function checkKernels(where: string, { code: { listing } }: Program): void {
  const other = listing.find((each) => each !== undefined && !inferenceOpcodes.includes(each.opcode));
  check(other === undefined, "unsupported", () => ({
    where,
    expected: "operations that predict",
    received: `${other?.name}, which ${other?.opcode === code.CUSTOM ? "has a kernel of your own" : "is for training"}`,
    remedy: "Save the model with model.save() and load it with loadModel.",
  }));
}

/** The weights that programs read, one after the other in the order of their first use. */
class WeightsBlock {
  private readonly offsets = new Map<Variable, number>();
  private bytes = 0;

  offsetOf(variable: Variable): number {
    let offset = this.offsets.get(variable);
    if (offset === undefined) {
      offset = this.bytes;
      this.offsets.set(variable, offset);
      this.bytes += alignedBytes(variable.bytes);
    }
    return offset;
  }

  stored(): StoredTensor[] {
    const taken = new Set<string>();
    return [...this.offsets.keys()].map((variable) => {
      const { dtype, shape, data } = variable.value;
      // Variables of custom layers may have any name.
      let { name } = variable;
      for (let count = 2; taken.has(name); count++) name = `${variable.name}#${count}`;
      taken.add(name);
      return { name, dtype, shape, data };
    });
  }
}

function batchProgram(program: Program, size: number, weights: WeightsBlock): BatchProgram {
  const { code } = program;
  const limits: Record<string, readonly [string, number]> = {};
  code.listing.forEach((instruction, index) => {
    const operands = instruction?.operands;
    if (operands?.rows !== undefined || operands?.columns !== undefined) limits[index] = faultPlace(code, index);
  });
  return {
    size,
    instructions: code.instructionCount,
    arenaBytes: code.plan.arenaBytes,
    inputs: program.inputBuffers.map((buffer) => (buffer === undefined ? null : placeOf(program, buffer, weights))),
    outputs: program.outputBuffers.map((buffer) => placeOf(program, buffer, weights)),
    limits,
  };
}

function wordsOf(program: Program, weights: WeightsBlock): Words {
  const { words, selfReferences, relocations } = program.code;
  const addresses = [
    ...selfReferences.map((at) => [at, base.words, words[at] as number]),
    ...relocations.map(({ at, buffer, offset }) => {
      const [from, start] = placeOf(program, buffer, weights);
      return [at, from, start + offset];
    }),
  ];
  return { words, addresses: Int32Array.from(addresses.flat()) };
}

function placeOf({ code }: Program, buffer: Buffer, weights: WeightsBlock): Place {
  const { place } = buffer;
  if (place.kind === "constant") return [base.words, code.constants.get(buffer) as number];
  if (place.kind === "variable") return [base.weights, weights.offsetOf(place.variable)];
  return [base.arena, code.plan.offsets.get(buffer) as number];
}
