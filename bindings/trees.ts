// What are tensors in nested lists and records, and how does one walk through them?

import { SymbolicTensor } from "./graph.ts";
import { checkDepth, deepest } from "./structuralKey.ts";
import { Tensor } from "./tensor.ts";

/** Tensors in nested lists and records. */
export type Tree<T> = T | readonly Tree<T>[] | { readonly [name: string]: Tree<T> };

/** Whether `value` is a tensor. */
export function isTensor(value: unknown): boolean {
  return value instanceof Tensor;
}

/** Whether `value` is a symbolic tensor. */
export function isSymbolic(value: unknown): boolean {
  return value instanceof SymbolicTensor;
}

/** Whether `value` is one tensor's data rather than a list or record of tensors. */
export function isValue(value: unknown, depth = 0): boolean {
  if (!Array.isArray(value)) return !isRecord(value);
  // `tensor` refuses what is deeper.
  if (depth >= deepest) return true;
  return value.every((each) => (Array.isArray(each) ? isValue(each, depth + 1) : !isObject(each)));
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** Whether `value` is a record: tensors, variables and typed arrays are objects with insides of their own. */
function isRecord(value: unknown): value is object {
  if (!isObject(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * The tree with `change` applied to each leaf that `isLeaf` finds; everything else stays.
 * @throws {TensorError} `option` for a tree that is too deep, or that holds itself.
 */
export function mapTree<T>(
  tree: Tree<unknown>,
  isLeaf: (value: unknown) => boolean,
  change: (leaf: unknown) => T,
  depth = 0,
): Tree<unknown> {
  if (isLeaf(tree)) return change(tree);
  checkDepth(depth);
  if (Array.isArray(tree)) return tree.map((each) => mapTree(each, isLeaf, change, depth + 1));
  if (isRecord(tree))
    return Object.fromEntries(
      Object.entries(tree).map(([name, each]) => [name, mapTree(each, isLeaf, change, depth + 1)]),
    );
  return tree;
}

/** All leaves of `trees` in order. */
export function leavesOf(trees: readonly Tree<unknown>[], isLeaf: (value: unknown) => boolean): unknown[] {
  const leaves: unknown[] = [];
  for (const tree of trees)
    mapTree(tree, isLeaf, (leaf) => {
      leaves.push(leaf);
      return leaf;
    });
  return leaves;
}

/** Whether symbols are among the leaves. */
export function holdSymbols(trees: readonly unknown[]): boolean {
  return leavesOf(trees as Tree<unknown>[], isValue).some(isSymbolic);
}
