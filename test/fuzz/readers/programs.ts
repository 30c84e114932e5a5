// Do strange saved programs break loading, or touch what is not theirs? Bytes, descriptions and instructions are forged,
// and the checksum is made right again.

import { engine } from "../../../bindings/engine.ts";
import { TensorError } from "../../../bindings/errors.ts";
import type { Port } from "../../../bindings/formats/programFile.ts";
import { decodeSafetensors } from "../../../bindings/formats/readSafetensors.ts";
import type { Block } from "../../../bindings/heap.ts";
import { type InferenceProgram, loadProgram } from "../../../bindings/inference/index.ts";
import { arrayType, sizeOf, Tensor } from "../../../bindings/tensor.ts";
import { savedSubject, subjectNames } from "../../harness/savedPrograms.ts";
import { mutatedBytes } from "../bytes.ts";
import { type Chance, edges } from "../chance.ts";
import { bitsOf, copyOfMemory, expectOnly, fillFree } from "../memory.ts";
import { Harm, type Reader } from "../reader.ts";
import { sealed, withOtherParts } from "./models.ts";
import { withOtherHeader } from "./safetensors.ts";

/** Elements of a sample up to which a program is run. */
const mostElements = 1 << 16;

/** Some words of the instructions or addresses changed: to edges, to what stands elsewhere, a little, or two alike. */
function withForgedWords(chance: Chance, file: Uint8Array, other: Uint8Array): Uint8Array {
  const { tensors, metadata } = decodeSafetensors(file.slice());
  const names = [...tensors.keys()].filter((name) => /^(words|addresses)\//.test(name));
  for (let left = chance.oneIn(2) ? 1 : 1 + chance.below(6); left > 0; left--) {
    const name = chance.oneIn(4) ? chance.of(names) : (names.find((each) => each.startsWith("words")) as string);
    const data = (tensors.get(name) as { data: Int32Array }).data;
    const batches = (JSON.parse(metadata.program as string) as { batches: { instructions: number }[] }).batches;
    const count = name.startsWith("words") ? (batches[0]?.instructions ?? 1) * 32 : data.length;
    const at = chance.below(chance.oneIn(6) ? data.length : count);
    const word = data[at] as number;
    const nonzero = Array.from({ length: 6 }, () => chance.below(data.length)).find((each) => data[each] !== 0) ?? at;
    const value = chance.of([
      chance.of(edges) | 0,
      word + chance.of([-64, -4, -2, -1, 1, 2, 4, 16, 64]),
      word * chance.of([2, 3, 4, 16, 256]),
      word >> 1,
      -word,
      data[chance.below(data.length)] as number,
    ]);
    data[data[at] === 0 && !chance.oneIn(4) ? nonzero : at] = value;
  }
  return sealed(tensors, metadata) ?? mutatedBytes(chance, file, other);
}

/** Whole instructions doubled, exchanged, or taken from elsewhere. */
function withMovedInstructions(chance: Chance, file: Uint8Array): Uint8Array {
  const { tensors, metadata } = decodeSafetensors(file.slice());
  const name = [...tensors.keys()].find((each) => each.startsWith("words/")) as string;
  const data = (tensors.get(name) as { data: Int32Array }).data;
  const count = (JSON.parse(metadata.program as string) as { batches: { instructions: number }[] }).batches[0]
    ?.instructions as number;
  const [from, to] = [chance.below(count), chance.below(count)];
  data.copyWithin(to * 32 + (chance.oneIn(2) ? 0 : 4), from * 32 + (chance.oneIn(2) ? 0 : 4), from * 32 + 32);
  return sealed(tensors, metadata) ?? file;
}

function valueFor({ shape, dtype }: Port, samples: number): Tensor {
  const data = new (arrayType(dtype))(samples * sizeOf(shape));
  for (let at = 0; at < data.length; at++) data[at] = dtype === "float32" ? ((at * 37) % 19) / 10 : at % 2;
  return Tensor.of(data, [samples, ...shape], dtype);
}

interface Insides {
  readonly weights: Block;
  readonly loaded: ReadonlyMap<{ readonly arenaBytes: number }, { readonly block: Block }>;
}

export const programs: Reader = {
  name: "programs",
  corpus: async () => {
    const files: Uint8Array[] = [];
    for (const [index, name] of subjectNames.entries())
      files.push(await savedSubject(name, index % 2 === 0 ? [1] : [1, 3]));
    return files;
  },
  mutate(chance, corpus) {
    const [file, other] = [chance.of(corpus), chance.of(corpus)];
    switch (chance.below(16)) {
      case 0:
        return mutatedBytes(chance, file, other);
      case 1:
        return withOtherHeader(chance, file, other);
      case 2:
      case 3:
      case 4:
        return withOtherParts(chance, file, other, ["program"]);
      case 5:
        return withMovedInstructions(chance, file);
      default:
        return withForgedWords(chance, file, other);
    }
  },
  declared(input) {
    try {
      const { metadata } = decodeSafetensors(input);
      const { batches } = JSON.parse(metadata.program ?? "") as { batches: { arenaBytes: number }[] };
      const bytes = Math.max(...batches.map(({ arenaBytes }) => arenaBytes));
      return bytes < 2 ** 32 ? bytes : 0;
    } catch {
      return 0;
    }
  },
  read(input) {
    // Loaded anew each time: a program may change weights of its own.
    const results = [0x3f, 0xc1].map((pattern) => {
      const program = loadProgram<unknown, Tensor | Record<string, Tensor>>(input);
      try {
        return resultAmong(program, pattern);
      } finally {
        program.dispose();
      }
    });
    if (results[0] !== results[1]) throw new Harm("the outputs depend on memory that is not the program's");
  },
};

/** The outputs for some samples, computed in memory full of `pattern`; undefined for samples too large to try. */
function resultAmong(
  program: InferenceProgram<unknown, Tensor | Record<string, Tensor>>,
  pattern: number,
): string | undefined {
  const samples = program.batchSizes[0] as number;
  const sizes = [...program.inputs, ...program.outputs].map(({ shape }) => sizeOf(shape) * samples);
  if (!(Math.max(...sizes) <= mostElements)) return undefined;
  const values = program.inputs.map((port) => valueFor(port, samples));
  const names = program.inputs.map(({ name }) => name);
  const x = names[0] === null ? values[0] : Object.fromEntries(names.map((name, at) => [name, values[at]]));
  fillFree(pattern);
  const before = copyOfMemory();
  const { arena } = engine();
  const result = outcome(() => program.predict(x));
  const { weights, loaded } = program as unknown as Insides;
  const own = [weights, ...[...loaded.values()].map(({ block }) => block)];
  const arenaBytes = Math.max(0, ...[...loaded.keys()].map((batch) => batch.arenaBytes));
  // One that has moved may be where `before` had something else.
  if (engine().arena === arena) expectOnly(own, arenaBytes, before);
  return result;
}

/** The bits of what it returns, or the message of what the data did. */
function outcome(run: () => Tensor | Record<string, Tensor>): string {
  try {
    const outputs = run();
    return bitsOf(...(outputs instanceof Tensor ? [outputs] : Object.values(outputs)));
  } catch (error) {
    if (!(error instanceof TensorError)) throw error;
    if (error.code === "format") throw new Harm(`a trap: ${String(error.cause)}`);
    return error.message;
  }
}
