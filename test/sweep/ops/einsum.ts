// Einstein's notation: random equations of one to three operands, and some that must be refused.

import fc from "fast-check";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as ops from "../../../bindings/ops/index.ts";
import type { Shape } from "../../../bindings/tensor.ts";
import { type Drawn, seeds, sizes } from "../draw.ts";
import { op } from "../op.ts";
import type { Subject } from "../subject.ts";
import { contract } from "./products.ts";

type Node = SymbolicTensor;

interface EinsumCase {
  readonly equation: string;
  readonly shapes: number[][];
  readonly seed: number;
}

/** Equations of one to three operands over five letters, some with `...`; a few that must be refused. */
const einsumCases: fc.Arbitrary<EinsumCase> = fc
  .record({
    lengths: fc.array(sizes(4), { minLength: 5, maxLength: 5 }),
    hidden: fc.array(sizes(3, 1), { maxLength: 2 }),
    terms: fc.array(
      fc.record({
        letters: fc.shuffledSubarray([..."abcde"], { maxLength: 3 }),
        /** How many of the hidden axes it has, −1: no `...`; where; and which of them have size 1. */
        dots: fc.integer({ min: -1, max: 2 }),
        place: fc.nat(3),
        ones: fc.array(fc.boolean(), { minLength: 2, maxLength: 2 }),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    output: fc.shuffledSubarray([..."abcde"]),
    implicit: fc.boolean(),
    outputPlace: fc.nat(5),
    fault: fc.constantFrom("none", "none", "none", "none", "none", "none", "none", "twice", "size", "rank", "letter"),
    seed: seeds,
  })
  .map(({ lengths, hidden, terms, output, implicit, outputPlace, fault, seed }) => {
    const withDots = (letters: readonly string[], place: number): string =>
      [...letters.slice(0, place), "...", ...letters.slice(place)].join("");
    const lengthOf = (letter: string): number => lengths["abcde".indexOf(letter)] as number;
    const used = new Set(terms.flatMap(({ letters }) => letters));
    const dotted = terms.some(({ dots }) => dots >= 0);
    const written = terms.map(({ letters, dots, place }) => (dots < 0 ? letters.join("") : withDots(letters, place)));
    const shapes_ = terms.map(({ letters, dots, place, ones }) => {
      const own = letters.map(lengthOf);
      const extra =
        dots < 0
          ? []
          : hidden.slice(Math.max(0, hidden.length - dots)).map((size, axis) => (ones[axis] === true ? 1 : size));
      return [...own.slice(0, place), ...extra, ...own.slice(place)];
    });
    const kept = output.filter((letter) => used.has(letter));
    let right = dotted ? withDots(kept, outputPlace) : kept.join("");
    if (fault === "twice" && kept.length > 0) right += kept[0];
    if (fault === "letter") right += "z";
    if (fault === "rank") (shapes_[0] as number[]).push(2);
    if (fault === "size" && (shapes_[0] as number[]).length > 0)
      (shapes_[0] as number[])[0] = ((shapes_[0] as number[])[0] as number) + 5;
    return { equation: `${written.join(",")}${implicit ? "" : `->${right}`}`, shapes: shapes_, seed };
  })
  .filter(({ equation, shapes: all }) => {
    const parsed = parse(equation, all);
    return parsed === undefined || [...parsed.lengths.values()].reduce((product_, size) => product_ * size, 1) <= 600;
  });

/** Names of the axes of each operand and of the result; undefined where operands do not fit the equation. */
function parse(
  equation: string,
  all: readonly Shape[],
): { terms: string[][]; output: string[]; lengths: Map<string, number> } | undefined {
  const [left = "", right] = equation.split("->");
  const terms: string[][] = [];
  const lengths = new Map<string, number>();
  let most = 0;
  for (const [index, term] of left.split(",").entries()) {
    const shape = all[index] as Shape;
    const letters = term.replace("...", "");
    const hidden = shape.length - letters.length;
    if (term.includes("...") ? hidden < 0 : hidden !== 0) return undefined;
    most = Math.max(most, hidden);
    // Hidden axes count from the right.
    const dots = Array.from({ length: hidden }, (_, axis) => `.${hidden - axis}`);
    const labels = term.split("...").flatMap((part, place) => (place === 0 ? [...part] : [...dots, ...part]));
    for (const [axis, label] of labels.entries()) {
      const [size, known] = [shape[axis] as number, lengths.get(label)];
      const broadcasts = label.startsWith(".") && (size === 1 || known === 1);
      if (known !== undefined && known !== size && !broadcasts) return undefined;
      if (known === undefined || known === 1) lengths.set(label, size);
    }
    terms.push(labels);
  }
  const everyDot = Array.from({ length: most }, (_, axis) => `.${most - axis}`);
  const plain = terms.flat().filter((label) => !label.startsWith("."));
  const output =
    right === undefined
      ? [...everyDot, ...[...new Set(plain)].filter((each) => plain.indexOf(each) === plain.lastIndexOf(each)).sort()]
      : right.split("...").flatMap((part, place) => (place === 0 ? [...part] : [...everyDot, ...part]));
  const valid = new Set(output).size === output.length && output.every((label) => lengths.has(label));
  return valid ? { terms, output, lengths } : undefined;
}

const einsum = op<EinsumCase>({
  name: "einsum",
  cases: einsumCases,
  inputs: ({ shapes: all }) => all.map((shape): Drawn => ({ shape })),
  call: ({ equation }, ...operands) => ops.einsum(equation, ...operands) as Node,
  reference: ({ equation, shapes: all }, ...operands) => {
    const parsed = parse(equation, all);
    if (parsed === undefined) return undefined;
    return contract(
      operands.map((x, index) => ({ x, labels: parsed.terms[index] as string[] })),
      parsed.output,
    );
  },
});

export const einsumSubjects: readonly Subject[] = [einsum];
