// How is a sum over products of tensors, written in Einstein's notation, made of matrix products?

import { check, show } from "../errors.ts";
import { errorPlace, type Operand, type SymbolicTensor } from "../graph.ts";
import { sizeOf } from "../tensor.ts";
import { checkList } from "./arguments.ts";
import { transpose } from "./copy.ts";
import { asFloat, multiply } from "./map.ts";
import { matMul } from "./matMul.ts";
import { sum } from "./reduce.ts";
import { reshape } from "./view.ts";

type Node = SymbolicTensor;

/** A tensor with a letter for each axis. */
interface Labelled {
  readonly x: Node;
  readonly axes: readonly string[];
}

/** Letters that stand for the axes of `...`; none that users can write. */
const ellipsisLetters = "①②③④⑤⑥⑦⑧";

/**
 * Σ of the products of all operands over every letter that is missing on the right: `"ij,jk->ik"` is a matrix product,
 * `"...ii"` is not supported (a letter twice in one operand). Without `->` the result has the letters that occur once, in
 * alphabetical order. `...` stands for any further axes, which broadcast. float32.
 * @throws {TensorError} `option` for an equation that does not parse, `shape` for operands that do not fit it.
 */
export function einsum(operands: readonly Operand[], equation: string): Node {
  checkList("einsum", "operands", operands);
  check(typeof equation === "string", "option", () => ({
    where: `${errorPlace("einsum")}.equation`,
    expected: 'letters for axes such as "bij,jk->bik"',
    received: show(equation),
  }));
  const tensors = Array.from(operands, (operand) => asFloat(operand));
  const { inputs, output } = parse(equation, tensors);
  checkSizes(equation, inputs);
  const [first, ...rest] = inputs as [Labelled, ...Labelled[]];
  const result = rest.reduce((product, next, index) => {
    const later = new Set([...output, ...rest.slice(index + 1).flatMap(({ axes }) => axes)]);
    return multiplyPair(product, next, later);
  }, first);
  const { x, axes } = summed(result, new Set(output));
  const present = output.filter((axis) => axes.includes(axis));
  return reshape(
    ordered({ x, axes }, present),
    output.map((axis) => (axes.includes(axis) ? (x.shape[axes.indexOf(axis)] as number) : 1)),
  );
}

function parse(equation: string, tensors: readonly Node[]): { inputs: Labelled[]; output: string[] } {
  const compact = equation.replaceAll(" ", "");
  const term = "(?:[a-zA-Z]|\\.\\.\\.)*";
  const matched = new RegExp(`^(${term}(?:,${term})*)(?:->(${term}))?$`).exec(compact);
  check(matched !== null, "option", () => ({
    where: `${errorPlace("einsum")}.equation`,
    expected: 'letters for axes such as "bij,jk->bik"',
    received: show(equation),
  }));
  const terms = (matched[1] as string).split(",");
  check(terms.length === tensors.length, "shape", () => ({
    where: errorPlace("einsum"),
    expected: `${terms.length} operands for "${equation}"`,
    received: `${tensors.length}`,
  }));
  const given = terms.map((letters, index) => labelled(equation, letters, tensors[index] as Node));
  const all = given.flatMap(({ axes }) => axes);
  const dots = [...new Set(all.filter((axis) => ellipsisLetters.includes(axis)))].sort();
  const plain = all.filter((axis) => !ellipsisLetters.includes(axis));
  const implicit = [...new Set(plain)].filter((axis) => plain.indexOf(axis) === plain.lastIndexOf(axis)).sort();
  const output =
    matched[2] === undefined
      ? [...dots, ...implicit]
      : matched[2].split(/(\.\.\.)/).flatMap((part) => (part === "..." ? dots : [...part]));
  check(new Set(output).size === output.length && output.every((axis) => all.includes(axis)), "option", () => ({
    where: `${errorPlace("einsum")}.equation`,
    expected: "each letter of the result once, and from the operands",
    received: show(equation),
  }));
  return { inputs: given.map(withoutBroadcast), output };
}

/** Without the axes of `...` that have size 1: they broadcast by not being there. */
function withoutBroadcast({ x, axes }: Labelled): Labelled {
  const kept = axes.flatMap((axis, index) => (ellipsisLetters.includes(axis) && x.shape[index] === 1 ? [] : [index]));
  return {
    x: reshape(
      x,
      kept.map((index) => x.shape[index] as number),
    ),
    axes: kept.map((index) => axes[index] as string),
  };
}

function labelled(equation: string, letters: string, x: Node): Labelled {
  const parts = letters.split("...");
  const named = letters.replaceAll("...", "").length;
  const hidden = x.shape.length - named;
  check(parts.length <= 2 && (parts.length === 2 ? hidden >= 0 : hidden === 0), "shape", () => ({
    where: errorPlace("einsum"),
    expected: `${named}${parts.length === 2 ? " or more" : ""} axes for "${letters}" of "${equation}"`,
    received: `shape [${x.shape.join(", ")}]`,
  }));
  // Further axes broadcast from the right, so the last of them always has the last letter.
  const dots = [...ellipsisLetters.slice(ellipsisLetters.length - hidden)];
  const axes = parts.length === 2 ? [...(parts[0] as string), ...dots, ...(parts[1] as string)] : [...letters];
  check(new Set(axes).size === axes.length && hidden <= ellipsisLetters.length, "unsupported", () => ({
    where: errorPlace("einsum"),
    expected: "a letter at most once in an operand",
    received: `"${letters}"`,
    remedy: "Take the diagonal first.",
  }));
  return { x, axes };
}

function checkSizes(equation: string, inputs: readonly Labelled[]): void {
  const sizes = new Map<string, number>();
  for (const { x, axes } of inputs)
    axes.forEach((axis, index) => {
      const size = x.shape[index] as number;
      const known = sizes.get(axis) ?? size;
      check(known === size, "shape", () => ({
        where: errorPlace("einsum"),
        expected: `one size for ${ellipsisLetters.includes(axis) ? "..." : `"${axis}"`} in "${equation}"`,
        received: `${known} and ${size}`,
      }));
      sizes.set(axis, size);
    });
}

/** Without the axes that nobody needs: their sum. */
function summed({ x, axes }: Labelled, needed: ReadonlySet<string>): Labelled {
  const gone = axes.flatMap((axis, index) => (needed.has(axis) ? [] : [index]));
  return gone.length === 0 ? { x, axes } : { x: sum(x, gone), axes: axes.filter((axis) => needed.has(axis)) };
}

/** The product of two, summed over the letters that neither the result nor a `later` operand has. */
function multiplyPair(a: Labelled, b: Labelled, later: ReadonlySet<string>): Labelled {
  const left = summed(a, new Set([...later, ...b.axes]));
  const right = summed(b, new Set([...later, ...a.axes]));
  const shared = left.axes.filter((axis) => right.axes.includes(axis));
  const inner = shared.filter((axis) => !later.has(axis));
  const batch = shared.filter((axis) => later.has(axis));
  const rows = left.axes.filter((axis) => !shared.includes(axis));
  const columns = right.axes.filter((axis) => !shared.includes(axis));
  const sizes = (of: Labelled, axes: readonly string[]): number[] =>
    axes.map((axis) => of.x.shape[of.axes.indexOf(axis)] as number);
  if (inner.length === 0) {
    // Nothing to sum: every axis of both, side by side, times each other.
    const axes = [...batch, ...rows, ...columns];
    const spread = (of: Labelled): Node => {
      const own = axes.filter((axis) => of.axes.includes(axis));
      const shape = axes.map((axis) => (of.axes.includes(axis) ? (sizes(of, [axis])[0] as number) : 1));
      return reshape(ordered(of, own), shape);
    };
    return { x: multiply(spread(left), spread(right)), axes };
  }
  const k = sizeOf(sizes(left, inner));
  const m = sizeOf(sizes(left, rows));
  const n = sizeOf(sizes(right, columns));
  const x = reshape(ordered(left, [...batch, ...rows, ...inner]), [...sizes(left, batch), m, k]);
  const y = reshape(ordered(right, [...batch, ...inner, ...columns]), [...sizes(right, batch), k, n]);
  const product = matMul(x, y);
  const lead = product.shape.slice(0, -2);
  return {
    x: reshape(product, [...lead, ...sizes(left, rows), ...sizes(right, columns)]),
    axes: [...batch, ...rows, ...columns],
  };
}

/** The tensor with its axes in the order of `axes`. */
function ordered({ x, axes }: Labelled, wanted: readonly string[]): Node {
  return transpose(
    x,
    wanted.map((axis) => axes.indexOf(axis)),
  );
}
