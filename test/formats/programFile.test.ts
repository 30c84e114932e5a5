// Is a program file that is damaged, foreign or forged refused with an error that says so, and never run?

import { beforeAll, describe, expect, test } from "vitest";
import * as code from "../../assembly/opcodes.ts";
import { engine } from "../../bindings/engine.ts";
import { TensorError } from "../../bindings/errors.ts";
import { CHECKSUM_KEY, contentChecksum } from "../../bindings/formats/checksum.ts";
import { decodeSafetensors } from "../../bindings/formats/readSafetensors.ts";
import type { StoredTensor } from "../../bindings/formats/storedTensor.ts";
import { encodeSafetensors } from "../../bindings/formats/writeSafetensors.ts";
import { loadProgram } from "../../bindings/inference/index.ts";
import * as layers from "../../bindings/layers/index.ts";
import { savedState } from "../../bindings/models/savedState.ts";
import { saveProgram } from "../../bindings/models/saveProgram.ts";
import { encodeModel } from "../../bindings/models/saving.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { machineFingerprint } from "../../bindings/platform/wasm.ts";
import { setSeed } from "../../bindings/seed.ts";
import { errorOf } from "./handmade.ts";

const network = () => {
  setSeed(3);
  return sequential([
    layers.dense({ units: 5, activation: "relu", inputShape: [4] }),
    layers.dense({ units: 2, activation: "softmax" }),
  ]);
};
let file: Uint8Array;
beforeAll(async () => {
  file = await saveProgram(network());
});

interface Parts {
  readonly tensors: Map<string, StoredTensor>;
  readonly metadata: Record<string, string>;
  /** The description, to be changed. */
  readonly program: {
    [key: string]: unknown;
    name: unknown;
    inputs: Record<string, unknown>[];
    outputs: Record<string, unknown>[];
    weights: string[];
    batches: Record<string, unknown>[];
  };
}

/** The file with some parts changed; `sealed` with the checksum of what it holds then. */
function changed(change: (parts: Parts) => void, sealed = true): Uint8Array {
  const { tensors, metadata } = decodeSafetensors(file.slice());
  const program = JSON.parse(metadata.program as string) as Parts["program"];
  change({ tensors, metadata, program });
  if (metadata.program !== undefined && metadata.program !== "{") metadata.program = JSON.stringify(program);
  if (sealed) metadata[CHECKSUM_KEY] = contentChecksum(tensors.values(), metadata);
  return encodeSafetensors(tensors.values(), metadata);
}

const first = ({ program }: Parts): Record<string, unknown> => program.batches[0] as Record<string, unknown>;
const numbers = ({ tensors }: Parts, name: string): Int32Array => tensors.get(name)?.data as Int32Array;

/** What another program may have left. */
function fillArena(): void {
  engine().reserveArena(4096);
  engine().write(engine().arena, new Uint8Array(4096).fill(77), "uint8", 4096);
}

test("the file as it was made is fine, from any offset of a buffer", () => {
  const moved = new Uint8Array(file.length + 3);
  moved.set(file, 3);
  const expected = network().predict([[1, 2, 3, 4]]).data;
  for (const bytes of [file, changed(() => {}), moved.subarray(3), file.slice().buffer])
    expect(loadProgram(bytes).predict([[1, 2, 3, 4]]).data).toEqual(expected);
});

test.each([undefined, null, "program.safetensors", 5, new Float32Array(4)])("%j is no file", (source) => {
  expect(errorOf(() => loadProgram(source as never)).code).toBe("option");
});

describe("damage is found:", () => {
  test("the file ends early", () => {
    for (let length = 0; length < file.length; length += 97)
      expect(errorOf(() => loadProgram(file.slice(0, length))).code).toBe("format");
  });

  test("any byte has changed", () => {
    for (let at = 0; at < file.length; at += 13) {
      const damaged = file.slice();
      damaged[at] = (damaged[at] as number) ^ 0x10;
      expect(errorOf(() => loadProgram(damaged)).code, `byte ${at}`).toBe("format");
    }
  });

  test("a weight has changed", () => {
    const damaged = changed(({ tensors }) => tensors.get("weights/dense/bias")?.data.fill(1), false);
    expect(errorOf(() => loadProgram(damaged)).message).toContain("match the checksum");
  });
});

describe("a foreign file is told from a program:", () => {
  test("a model", () => {
    const bytes = encodeModel(savedState(network() as never));
    expect(errorOf(() => loadProgram(bytes)).message).toBe(
      "loadProgram: expected a program saved by wasmgrad, received a model. Make the file with saveProgram(model).",
    );
  });

  test("a safetensors file of another kind", () => {
    const bytes = encodeSafetensors([], { format: "pt" });
    expect(errorOf(() => loadProgram(bytes)).message).toContain("a safetensors file of another kind");
  });

  test("a program for another machine, with what to do", () => {
    const bytes = changed(({ metadata }) => {
      metadata.machine = "00000000";
    });
    expect(errorOf(() => loadProgram(bytes)).message).toBe(
      `loadProgram: expected a program for machine ${machineFingerprint()}, received one for "00000000". Make the file again with saveProgram of this version of wasmgrad.`,
    );
  });

  test("a later version of the format", () => {
    const bytes = changed(({ metadata }) => {
      metadata.version = "2";
    });
    expect(errorOf(() => loadProgram(bytes)).message).toContain('version 1 of the format, received "2"');
  });
});

describe("a file that lies about its parts is refused, even with the right checksum:", () => {
  const lies: Readonly<Record<string, (parts: Parts) => void>> = {
    "no description": ({ metadata }) => delete metadata.program,
    "half a description": ({ metadata }) => (metadata.program = "{"),
    "a description of a million lists": ({ program }) => (program.more = Array.from({ length: 1e6 }, () => [])),
    "a description of many levels": ({ program }) => {
      for (let level = 0; level < 300; level++) program.more = [program.more];
    },
    "no batches": ({ program }) => program.batches.splice(0),
    "no inputs": ({ program }) => program.inputs.splice(0),
    "no outputs": ({ program }) => program.outputs.splice(0),
    "a name that is none": ({ program }) => (program.name = 5),
    "inputs that are none": ({ program }) => (program.inputs = 7 as never),
    "a missing weight": ({ tensors }) => tensors.delete("weights/dense/kernel"),
    "missing words": ({ tensors }) => tensors.delete("words/32"),
    "missing addresses": ({ tensors }) => tensors.delete("addresses/1"),
    "words of another type": ({ tensors }) => {
      const { shape, data } = tensors.get("words/1") as StoredTensor;
      tensors.set("words/1", { name: "words/1", dtype: "float32", shape, data: Float32Array.from(data) });
    },
    "more instructions than words": (parts) => (first(parts).instructions = 1000),
    "a broken number of instructions": (parts) => (first(parts).instructions = 1.5),
    "a negative batch size": (parts) => (first(parts).size = -1),
    "batch sizes in disorder": ({ program, tensors }) => {
      program.batches.reverse();
      expect(tensors.size).toBeGreaterThan(4);
    },
    "an arena of text": (parts) => (first(parts).arenaBytes = "lots"),
    "an arena smaller than the inputs": (parts) => (first(parts).arenaBytes = 8),
    "an input outside the arena": (parts) => (first(parts).inputs = [[1, 1 << 20]]),
    "a list as dtype": ({ program }) => ((program.inputs[0] as Record<string, unknown>).dtype = ["float32"]),
    "lists as names of weights": ({ program }) => (program.weights = program.weights.map((name) => [name]) as never),
    "an input at a place that is text": (parts) => (first(parts).inputs = [["0", 0]]),
    "an output at a place that is text": (parts) => (first(parts).outputs = [["1", 64]]),
    "an output between two words": (parts) => {
      const [[from, offset]] = first(parts).outputs as [[number, number]];
      first(parts).outputs = [[from, offset - 1]];
    },
    "an output before the arena": (parts) => (first(parts).outputs = [[1, -64]]),
    "an output from nowhere": (parts) => (first(parts).outputs = [[7, 0]]),
    "too few outputs": (parts) => (first(parts).outputs = []),
    "samples of a negative shape": ({ program }) => ((program.inputs[0] as Record<string, unknown>).shape = [-4]),
    "samples larger than the arena": ({ program }) =>
      ((program.inputs[0] as Record<string, unknown>).shape = [1 << 20]),
    "an unknown dtype": ({ program }) => ((program.inputs[0] as Record<string, unknown>).dtype = "float16"),
    "an address outside the words": (parts) => (numbers(parts, "addresses/1")[0] = 1 << 20),
    "an address before the words": (parts) => (numbers(parts, "addresses/1")[0] = -1),
    "an address from nowhere": (parts) => (numbers(parts, "addresses/1")[1] = 3),
    "an address beyond its block": (parts) => (numbers(parts, "addresses/1")[2] = 1 << 24),
    "an address that is cut off": ({ tensors }) => {
      const { data } = tensors.get("addresses/1") as StoredTensor;
      const shape = [data.length - 1];
      tensors.set("addresses/1", { name: "addresses/1", dtype: "int32", shape, data: data.slice(1) });
    },
    "an input where the instructions are": (parts) => (first(parts).inputs = [[0, 0]]),
    "a weight that is named twice": ({ program }) => program.weights.push(program.weights[0] as string),
    "two inputs without names": ({ program }) => program.inputs.push(program.inputs[0] as Record<string, unknown>),
    "no limits": (parts) => (first(parts).limits = null),
    "limits that are none": (parts) => (first(parts).limits = { 1: 5 }),
    "an instruction of a user's own": (parts) => (numbers(parts, "words/1")[32] = code.CUSTOM),
    "an instruction for training": (parts) => (numbers(parts, "words/1")[32] = code.SGD),
    "an instruction that is none": (parts) => (numbers(parts, "words/1")[32] = 77),
    "no SYNC at the beginning": (parts) => (numbers(parts, "words/1")[0] = code.MAP),
    "a phase that is longer than the program": (parts) => (numbers(parts, "words/1")[4] = 900),
    "more chunks than the phase has": (parts) => (numbers(parts, "words/1")[5] = 900),
    "a grain of nothing": (parts) => (numbers(parts, "words/1")[34] = 0),
    "a negative address": (parts) => (numbers(parts, "addresses/1")[2] = -4),
  };
  test.each(Object.keys(lies))("%s", (lie) => {
    const bytes = changed((parts) => void lies[lie]?.(parts));
    const error = errorOf(() => loadProgram(bytes));
    expect([error.code, error.where], error.message).toEqual(["format", "loadProgram"]);
  });
});

test("words that lead out of memory are refused, and the next program runs", () => {
  const forged = changed((parts) => {
    const words = numbers(parts, "words/1");
    // Of the instruction after the SYNC units and grain stay; sizes and strides become huge.
    for (let at = 36; at < 64; at++) if (words[at] !== 0) words[at] = 0x0fffffff;
  });
  const error = errorOf(() => loadProgram(forged));
  expect(error).toBeInstanceOf(TensorError);
  expect(error.message).toBe(
    "loadProgram: expected instructions that keep to the program's own memory and end soon, received others, for 1 samples. Make the file again with saveProgram.",
  );
  expect(loadProgram(file).predict([[1, 2, 3, 4]]).data).toEqual(network().predict([[1, 2, 3, 4]]).data);
});

test("what becomes of the bytes after they were checked does not matter", () => {
  const bytes = file.slice();
  const program = loadProgram(bytes);
  bytes.fill(255);
  fillArena();
  expect(program.predict([[1, 2, 3, 4]]).data).toEqual(network().predict([[1, 2, 3, 4]]).data);
});

test("an arena beyond 2 GiB is one, although its offsets are negative as int32", () => {
  const moved = (by: number): Uint8Array =>
    changed((parts) => {
      const batch = first(parts) as { arenaBytes: number; inputs: number[][]; outputs: number[][] };
      parts.program.batches.splice(1);
      batch.arenaBytes += by;
      for (const place of [...batch.inputs, ...batch.outputs]) (place[1] as number) += by;
      const addresses = numbers(parts, "addresses/1");
      for (let at = 0; at < addresses.length; at += 3) if (addresses[at + 1] === 1) (addresses[at + 2] as number) += by;
    });
  expect(loadProgram(moved(2 ** 31)).batchSizes).toEqual([1]);
  expect(loadProgram(moved(64)).predict([[1, 2, 3, 4]]).data).toEqual(network().predict([[1, 2, 3, 4]]).data);
});

describe("of the arena, which all programs share,", () => {
  test("more than the instructions use is refused", () => {
    const forged = changed((parts) => ((first(parts) as { arenaBytes: number }).arenaBytes += 64));
    expect(errorOf(() => loadProgram(forged)).code).toBe("format");
  });

  test("what a program reads without having written it is zero, not what another left there", () => {
    const forged = changed((parts) => {
      const batch = first(parts) as { arenaBytes: number; outputs: number[][] };
      parts.program.batches.splice(1);
      (batch.outputs[0] as number[])[1] = batch.arenaBytes;
      batch.arenaBytes += 64;
    });
    fillArena();
    expect(loadProgram(forged).predict([[1, 2, 3, 4]]).data).toEqual(Float32Array.of(0, 0));
  });
});
