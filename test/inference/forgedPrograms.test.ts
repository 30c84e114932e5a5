// Is a program with a forged instruction refused, or else harmless: no byte of others read or written, no trap, soon over?

import { describe, expect, test } from "vitest";
import { TensorError } from "../../bindings/errors.ts";
import { decodeProgram, type ProgramFile } from "../../bindings/formats/programFile.ts";
import { verifiedBatches } from "../../bindings/inference/program.ts";
import { machineFingerprint } from "../../bindings/platform/wasm.ts";
import { runAmongCanaries } from "../harness/canaries.ts";
import { savedSubject, subject, subjectNames } from "../harness/savedPrograms.ts";

const samples = 2;

/** What a forger would try in the place of `word`, number `at`: some at each, all of them over a few words. */
function forged(word: number, at: number): number[] {
  const near = [-64, -4, -2, -1, 1, 2, 4, 16, 64].map((step) => word + step);
  const scaled = [word * 2, word * 3, word * 256, word >> 1, ~word, -word];
  const edges = [0, 1, 2, 3, 7, 255, 512, 4096, 65535, 1 << 20, 1 << 28, 1 << 30, 0x7fffffff, -0x80000000, -1];
  const all = [...new Set([...near, ...scaled, ...edges].map((value) => value | 0))].filter((value) => value !== word);
  return all.filter((_, index) => (index + at) % 3 === 0);
}

/** The file with one word changed. */
function withWord(file: ProgramFile, which: "words" | "addresses", at: number, value: number): ProgramFile {
  const [only] = file.words as [ProgramFile["words"][number]];
  const copy = only[which].slice();
  copy[at] = value;
  return { ...file, words: [{ ...only, [which]: copy }] };
}

/** Runs it twice, among canaries that differ, if it is not refused. @returns whether it ran. */
function harmless(file: ProgramFile, x: unknown, what: string): boolean {
  let verified: ReturnType<typeof verifiedBatches>;
  try {
    verified = verifiedBatches(file, "test");
  } catch (error) {
    if (error instanceof TensorError) return false;
    throw error;
  }
  const started = performance.now();
  const [one, other] = [0x3f, 0xc1].map((pattern) => runAmongCanaries(file, verified, x, pattern));
  expect([one?.harm, other?.harm], what).toEqual([undefined, undefined]);
  expect(one?.result, what).toBe(other?.result);
  expect(performance.now() - started, what).toBeLessThan(5000);
  return true;
}

/** Which words the verifier looked at: 0 where it did not, as nothing comes of them. */
function rolesIn(file: ProgramFile): Uint8Array {
  return (verifiedBatches(file, "test")[0] as unknown as { roles: Uint8Array }).roles;
}

describe.each(subjectNames)("of %s", (name) => {
  test("every word, changed to what a forger would try, is refused or harmless", async () => {
    const { x } = subject(name, samples);
    const file = decodeProgram(await savedSubject(name, [samples]), machineFingerprint(), "test");
    const { words, addresses } = file.words[0] as ProgramFile["words"][number];
    const roles = rolesIn(file);
    const instructions = (file.description.batches[0]?.instructions as number) * 32;
    const inert = words.map((word, at) => (at < instructions && roles[at] === 0 ? 0x55555555 : word));
    expect(harmless({ ...file, words: [{ words: inert, addresses }] }, x, "words that are not read")).toBe(true);
    let [refused, ran] = [0, 0];
    const attempt = (which: "words" | "addresses", at: number, values: readonly number[]): void => {
      for (const value of values)
        if (harmless(withWord(file, which, at, value), x, `${name}: ${which}[${at}] = ${value}`)) ran++;
        else refused++;
    };
    for (const [at, word] of words.entries()) if (roles[at] === 1) attempt("words", at, forged(word, at));
    for (const [at, word] of addresses.entries()) attempt("addresses", at, forged(word, at));
    expect(refused).toBeGreaterThan(300);
    expect(ran).toBeGreaterThan(30);
  }, 240_000);
});
