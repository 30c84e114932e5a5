// Does each opcode state what its instructions touch: every operand that is a tensor, to its last byte, and no more?

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as opcodes from "../../assembly/opcodes.ts";
import {
  type Address,
  addressesIn,
  type Inspection,
  type Lowering,
  type Word,
} from "../../bindings/compiler/instruction.ts";
import { inferenceBounds } from "../../bindings/inference/verifyProgram.ts";
import { codeRanges } from "../../bindings/ops/expression.ts";
import { elementBytes } from "../../bindings/tensor.ts";
import { oneNodePerOpcode } from "../harness/oneNodePerOpcode.ts";
import { allBounds } from "../harness/verifyBounds.ts";

interface Touched {
  readonly address: Address;
  readonly bytes: number;
  readonly access: "read" | "write";
}

/** Looks at operands that are not words yet, and notes what is said of them. */
class Witness implements Inspection {
  readonly units: number;
  readonly touched: Touched[];
  private readonly operands: readonly Word[];

  constructor(operands: readonly Word[], units: number, touched: Touched[] = []) {
    this.operands = operands;
    this.units = units;
    this.touched = touched;
  }

  word(at: number): number {
    const word = this.operands[at] ?? 0;
    expect(typeof word, `operand ${at} is a number`).toBe("number");
    return (word as number) >>> 0;
  }

  words(at: number, count: number): ReturnType<Inspection["words"]> {
    return Array.from({ length: count }, (_, index) => this.word(at + index)) as never;
  }

  needs(condition: boolean): void {
    expect(condition).toBe(true);
  }

  reads(at: number, bytes: number): void {
    this.touch(at, bytes, "read");
  }

  writes(at: number, bytes: number): void {
    this.touch(at, bytes, "write");
  }

  table(at: number, count: number): Witness {
    const table = this.operands[at] as Exclude<Word, number> & { readonly words: readonly Word[] };
    expect(table.kind).toBe("table");
    expect(table.words.length).toBeGreaterThanOrEqual(count);
    return new Witness(table.words, this.units, this.touched);
  }

  private touch(at: number, bytes: number, access: Touched["access"]): void {
    const address = this.operands[at] as Address;
    expect(address.kind, `operand ${at} is an address`).toBe("address");
    this.touched.push({ address, bytes, access });
  }
}

describe("the bounds", () => {
  const nodes = oneNodePerOpcode();
  const lowerings = nodes.flatMap((node): readonly Lowering[] => node.op.lower?.(node, nodes) ?? []);

  test.each(
    Object.entries(opcodes)
      .filter(([, number]) => inferenceBounds[number] !== undefined && number > 0)
      .filter(([name]) =>
        readFileSync(new URL("../../assembly/machine.ts", import.meta.url), "utf8").includes(`case ${name}:`),
      ),
  )("of %s hold for instructions that are compiled, and name all that these touch", (_, opcode) => {
    const own = lowerings.filter((each) => each.opcode === opcode);
    expect(own.length).toBeGreaterThan(0);
    for (const { name, operands, units } of own) {
      const witness = new Witness(Object.values(operands), units);
      const work = allBounds[opcode]?.(witness);
      expect(work, name).toBeGreaterThan(0);
      for (const address of addressesIn(Object.values(operands))) {
        const { tensor, access, offset } = address;
        const touched = witness.touched.filter((each) => each.address === address);
        expect(
          touched.map((each) => each.access),
          `${name} of ${tensor}`,
        ).toEqual([access]);
        const all = tensor.size * elementBytes[tensor.dtype];
        const behind = offset === all; // winners lie behind maxima
        if (!behind) expect((touched[0]?.bytes ?? 0) + offset, `${name} of ${tensor}`).toBeLessThanOrEqual(all);
        if (offset === 0 && opcode !== opcodes.COPY) expect(touched[0]?.bytes, `${name} of ${tensor}`).toBe(all);
      }
    }
  });

  /** What an instruction of one opcode is told beside `units`, addresses as 0. */
  const holds = (opcode: number, units: number, words: readonly number[]): boolean => {
    let sound = true;
    const inspection = {
      units,
      word: (at: number) => words[at] ?? 0,
      words: (at: number, count: number) => words.slice(at, at + count) as never,
      needs: (condition: boolean) => {
        sound &&= condition;
      },
      reads: () => undefined,
      writes: () => undefined,
      table: () => inspection as unknown as Inspection,
    };
    inferenceBounds[opcode]?.(inspection as unknown as Inspection);
    return sound;
  };

  test("refuse the position of an extreme of nothing, which the kernel would look for in foreign memory", () => {
    const reduce = (kind: number, axis: number): boolean => holds(opcodes.REDUCE, 1, [0, 0, kind, 0, 1, axis, 64]);
    expect([opcodes.REDUCE_SUM, opcodes.REDUCE_ARG_MAX, opcodes.REDUCE_ARG_MIN].map((kind) => reduce(kind, 0))).toEqual(
      [true, false, false],
    );
    expect(reduce(opcodes.REDUCE_ARG_MAX, 1)).toBe(true);
  });

  test("refuse places of maxima, which the machine that only predicts does not write", () => {
    const windows = [1, 1, 64, 1, 1, 64, 1, 1, 1, 1, 1, 1, 0, 0, 0];
    const pool = (bytes: number): boolean => holds(opcodes.POOL, 64, [0, 0, 0, opcodes.POOL_MAX, bytes, 4, ...windows]);
    expect([0, 1].map(pool)).toEqual([true, false]);
  });

  test("of MAP know the codes of steps, and no others", () => {
    const section = readFileSync(new URL("../../assembly/opcodes.ts", import.meta.url), "utf8")
      .split("// MAP: float32 → float32")[1]
      ?.split("// REDUCE ---")[0];
    const known = [...(section ?? "").matchAll(/export const (\w+) = (\d+)/g)].map(([, , number]) => Number(number));
    expect(known.length).toBeGreaterThan(50);
    const stated = codeRanges.flatMap(([first, last]) =>
      Array.from({ length: last - first + 1 }, (_, index) => first + index),
    );
    expect(stated.sort((a, b) => a - b)).toEqual(known.sort((a, b) => a - b));
  });
});
