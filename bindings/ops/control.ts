// How do loops and branches become part of a program, which has neither?
//
// A program runs all its instructions, always: loops are unrolled, so their length is fixed, and of branches both sides are
// computed before one is taken. On values, outside traced functions, each step runs its operations at once.

import { lift } from "../compiled.ts";
import { checkOptionNames } from "../config.ts";
import { check, show } from "../errors.ts";
import { checkFlag, errorPlace, isVariable, type Operand, SymbolicTensor, toSymbolic, tracing } from "../graph.ts";
import { type Shape, Tensor, type TensorLike, tensor } from "../tensor.ts";
import { holdSymbols, isValue, leavesOf, mapTree, type Tree } from "../trees.ts";
import { checkCallable, checkInteger, checkList } from "./arguments.ts";
import { flip, unstack } from "./composedMoves.ts";
import { concat, slice, stack } from "./copy.ts";
import { cast, equal, maximum, minimum, where } from "./map.ts";

/** A tensor, a symbol, or lists and records of them. Plain numbers and arrays of numbers are tensors each. */
export type State = Tree<Operand>;

const entriesOf = /* @__PURE__ */ lift("unstack", unstack, 1);
const stacked = /* @__PURE__ */ lift("stack", stack, 1, { lists: 1 });
const joined = /* @__PURE__ */ lift("concat", concat, 1, { lists: 1 });
const part = /* @__PURE__ */ lift("slice", slice, 1);
const flipped = /* @__PURE__ */ lift("flip", flip, 1);
const chosen = /* @__PURE__ */ lift("where", where, 3);
const isPlace = /* @__PURE__ */ lift(
  "isPlace",
  (index: Operand, place: number, last: number) => equal(cast(maximum(minimum(index, last), 0), "int32"), place),
  1,
);

// Loops ---------------------------------------------------------------------------------------------------------------

/** Options of {@link scan}. */
export interface ScanOptions {
  /** How many steps; needed where there are no `xs`. */
  readonly length?: number;
  /** From the last entry to the first. Default false. */
  readonly reverse?: boolean;
}

/**
 * A loop with a memory: [carry, y_i] = step(carry, x_i) for the entries x_i of the first axis of all tensors of `xs`. Gives
 * the last carry, and the y_i stacked along a new first axis. Unrolled: the program grows with the number of steps, some
 * hundred at most. `xs` may be null when `length` is given.
 * @throws {TensorError} `shape` when the first axes of `xs` differ, `option` without `xs` and `length`.
 */
export function scan<C extends State, X extends State | null, Y extends State>(
  step: (carry: C, x: X) => readonly [carry: C, y: Y],
  initial: C,
  xs: X,
  options: ScanOptions = {},
): readonly [carry: C, ys: Y] {
  checkCallable("scan", "step", step);
  checkOptionNames("scan", options, ["length", "reverse"]);
  const { length, reverse = false } = options;
  checkFlag("scan", "reverse", reverse);
  const given = xs === null ? undefined : entries("scan", xs as State);
  const count = given?.length ?? length;
  check(
    count !== undefined && Number.isInteger(count) && count >= 1 && (length === undefined || length === count),
    "option",
    () => ({
      where: `${errorPlace("scan")}.length`,
      expected: given === undefined ? "a whole number of steps ≥ 1" : `${given.length}, the length of xs, or nothing`,
      received: show(length),
    }),
  );
  let carry = operands(initial) as C;
  const ys: Y[] = [];
  for (let index = 0; index < count; index++) {
    const place = reverse ? count - 1 - index : index;
    const pair: unknown = step(carry, (given === undefined ? null : given[place]) as X);
    check(Array.isArray(pair) && pair.length === 2, "option", () => ({
      where: errorPlace("scan"),
      expected: "a step that returns [carry, y]",
      received: show(pair),
    }));
    const [next, y] = pair as [C, Y];
    carry = next;
    ys[place] = y;
  }
  return [carry, together("scan", ys, (leaves) => stacked(leaves, 0)) as Y];
}

/**
 * fn of each entry of the first axis of all tensors of `xs`, stacked along a new first axis. `fn` is traced once for each:
 * operations on the whole batch, which broadcast, are faster.
 */
export function map<X extends State, Y extends State>(fn: (x: X) => Y, xs: X): Y {
  checkCallable("map", "fn", fn);
  return scan<number, X, Y>((nothing, x) => [nothing, fn(x)], 0, xs)[1];
}

/** carry = body(i, carry) for the whole numbers i from `lower` up to, but without, `upper`. Unrolled, like {@link scan}. */
export function foriLoop<C extends State>(
  lower: number,
  upper: number,
  body: (index: number, carry: C) => C,
  initial: C,
): C {
  check(Number.isInteger(lower) && Number.isInteger(upper), "option", () => ({
    where: errorPlace("foriLoop"),
    expected: "whole numbers as bounds, which no tensor gives",
    received: `${show(lower)} and ${show(upper)}`,
  }));
  let carry = operands(initial) as C;
  for (let index = lower; index < upper; index++) carry = body(index, carry);
  return carry;
}

/**
 * y_i = y_{i−1} ∘ x_i along `axis` for an associative operation on whole tensors: `combine(earlier, later)` gets parts of
 * xs of equal shape. In log₂ n passes over all entries (Hillis & Steele, 1986). With `reverse` from the end.
 */
export function associativeScan<X extends State>(
  combine: (earlier: X, later: X) => X,
  xs: X,
  options: { readonly axis?: number; readonly reverse?: boolean } = {},
): X {
  checkCallable("associativeScan", "combine", combine);
  checkOptionNames("associativeScan", options, ["axis", "reverse"]);
  const { axis = 0, reverse = false } = options;
  checkInteger("associativeScan", "axis", axis);
  checkFlag("associativeScan", "reverse", reverse);
  const given = operands(xs);
  const turned = (tree: State): State =>
    reverse ? (mapTree(tree, isValue, (leaf) => flipped(leaf as Tensor, axis)) as State) : tree;
  const count = sameLength("associativeScan", given, axis);
  let done = turned(given);
  for (let step = 1; step < count; step *= 2) {
    const piece = (begin: number, size: number): X =>
      mapTree(done, isValue, (leaf) => {
        const { shape } = leaf as { shape: Shape };
        const position = axis < 0 ? axis + shape.length : axis;
        const at = (along: number, other: (size: number) => number): number[] =>
          shape.map((each, index) => (index === position ? along : other(each)));
        return part(
          leaf as Tensor,
          at(begin, () => 0),
          at(size, (each) => each),
        );
      }) as X;
    const later = combine(piece(0, count - step), piece(step, count - step));
    done = together("associativeScan", [piece(0, step), later], (leaves) => joined(leaves, axis));
  }
  return turned(done) as X;
}

// Branches ------------------------------------------------------------------------------------------------------------

/**
 * whenTrue() where `predicate`, a scalar or what broadcasts, holds, else whenFalse(): both are computed, and a choice is
 * made element by element. What is infinite or NaN on the side that is not taken makes gradients NaN: keep it finite.
 * @throws {TensorError} `shape` when the two do not return the same structure.
 */
export function cond<Y extends State>(predicate: Operand, whenTrue: () => Y, whenFalse: () => Y): Y {
  checkCallable("cond", "whenTrue", whenTrue);
  checkCallable("cond", "whenFalse", whenFalse);
  return together("cond", [whenTrue(), whenFalse()], ([a, b]) =>
    chosen(predicate as Tensor, a as Tensor, b as Tensor),
  ) as Y;
}

/**
 * `branches[index](...operands)`, the index limited to 0 … branches − 1: all are computed, and one is taken. See
 * {@link cond}.
 * @throws {TensorError} `shape` when they do not return the same structure, `option` when there are none.
 */
function switchCase<A extends readonly State[], Y extends State>(
  index: Operand,
  branches: readonly ((...operands: A) => Y)[],
  ...given: A
): Y {
  checkList("switch", "branches", branches);
  for (const [place, branch] of branches.entries()) checkCallable("switch", `branches[${place}]`, branch);
  check(branches.length > 0, "option", () => ({
    where: errorPlace("switch"),
    expected: "at least one branch",
    received: "none",
  }));
  const last = branches.length - 1;
  const results = branches.map((branch) => branch(...given));
  return together("switch", results, (leaves) =>
    leaves.reduceRight((rest, leaf, place) =>
      chosen(isPlace(index as Tensor, place, last) as Tensor, leaf as Tensor, rest as Tensor),
    ),
  ) as Y;
}

export { switchCase as switch };

// Parts ---------------------------------------------------------------------------------------------------------------

/** The tree with tensors, or while tracing symbols, in place of other data. */
function operands(tree: State): State {
  const symbolic = tracing() || holdSymbols([tree]);
  return mapTree(tree as Tree<unknown>, isValue, (leaf) => {
    if (leaf instanceof SymbolicTensor || leaf instanceof Tensor || leaf === null) return leaf;
    if (symbolic) return toSymbolic(leaf as Operand);
    return isVariable(leaf) ? leaf.value : tensor(leaf as TensorLike);
  }) as State;
}

function sameLength(name: string, tree: State, axis: number): number {
  const lengths = (leavesOf([tree as Tree<unknown>], isValue) as (Tensor | null)[]).map((leaf) => leaf?.shape.at(axis));
  check(lengths[0] !== undefined && lengths.every((each) => each === lengths[0]), "shape", () => ({
    where: errorPlace(name),
    expected: `tensors of equal size along axis ${axis}`,
    received: `sizes ${lengths.join(", ")}`,
  }));
  return lengths[0] as number;
}

/** The entries of the first axis, each in the structure of the tree. */
function entries(name: string, tree: State): State[] {
  const given = operands(tree);
  const count = sameLength(name, given, 0);
  const each = (leavesOf([given as Tree<unknown>], isValue) as Tensor[]).map((leaf) => entriesOf(leaf));
  return Array.from({ length: count }, (_, place) => {
    let next = 0;
    return mapTree(given as Tree<unknown>, isValue, () => each[next++]?.[place]) as State;
  });
}

/** The trees, all of one structure, leaf by leaf. */
function together(name: string, trees: readonly State[], join: (leaves: Operand[]) => unknown): State {
  const leaves = trees.map((tree) => leavesOf([tree as Tree<unknown>], isValue) as Operand[]);
  const shape = (tree: State): string => JSON.stringify(mapTree(tree as Tree<unknown>, isValue, () => 0));
  check(
    trees.every((tree) => shape(tree) === shape(trees[0] as State)),
    "shape",
    () => ({ where: errorPlace(name), expected: "results of one structure", received: trees.map(shape).join(" and ") }),
  );
  let next = 0;
  return mapTree(trees[0] as Tree<unknown>, isValue, () => {
    const place = next++;
    return join(leaves.map((each) => each[place] as Operand));
  }) as State;
}
