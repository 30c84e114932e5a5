// How does a value change when its inputs change? Reverse mode: one walk from the value back to what it depends on.

import { check } from "./errors.ts";
import { constant, isVariable, readOp, type SymbolicTensor, topologicalOrder } from "./graph.ts";
import { add, full } from "./ops/map.ts";
import { sumTo } from "./ops/reduce.ts";
import type { Variable } from "./variable.ts";

/** What can be differentiated with respect to: a node of the graph, or every reading of a variable. */
export type Target = SymbolicTensor | Variable;

/**
 * d value / d target for each target, null where the value does not depend on it. Built of ordinary nodes, so gradients
 * can be differentiated again.
 * @param value float32 scalar, or any float32 tensor together with `upstream` of its shape.
 * @throws {TensorError} `shape` when `value` is not a scalar and no `upstream` is given.
 */
export function gradients(
  value: SymbolicTensor,
  targets: readonly Target[],
  upstream?: SymbolicTensor,
): (SymbolicTensor | null)[] {
  check(value.dtype === "float32", "dtype", () => ({
    where: "gradients",
    expected: "a float32 value",
    received: value.dtype,
  }));
  check(upstream !== undefined || value.size === 1, "shape", () => ({
    where: "gradients",
    expected: "a scalar value",
    received: `shape [${value.shape.join(", ")}]`,
    remedy: "Sum or average it first.",
  }));
  const order = topologicalOrder([value]);
  const wanted = new Set<Target>(targets);
  const reaching = new Set<SymbolicTensor>();
  for (const node of order)
    if (wanted.has(targetOf(node)) || node.inputs.some((input) => reaching.has(input))) reaching.add(node);

  const sums = new Map<Target, SymbolicTensor>();
  const accumulate = (target: Target, gradient: SymbolicTensor): void => {
    const sum = sums.get(target);
    sums.set(target, sum === undefined ? gradient : add(sum, gradient));
  };
  accumulate(targetOf(value), upstream ?? (value.shape.length === 0 ? constant(1) : full(value.shape, 1)));
  for (const node of order.toReversed()) {
    const dy = sums.get(targetOf(node));
    if (dy === undefined || !reaching.has(node) || node.inputs.length === 0) continue;
    const inner = node.op.gradient(node, dy);
    node.inputs.forEach((input, index) => {
      const gradient = inner[index];
      if (gradient == null || input.dtype !== "float32" || !reaching.has(input)) return;
      // Elementwise rules give it in the shape of the result, where inputs may have been repeated.
      accumulate(targetOf(input), node.op.elementwise === undefined ? gradient : sumTo(gradient, input.shape));
    });
  }
  return targets.map((target) => sums.get(target) ?? null);
}

/** All readings of a variable count as one. */
function targetOf(node: SymbolicTensor): Target {
  if ((node.op as unknown) !== readOp) return node;
  const { variable } = node.attributes as { variable: unknown };
  return isVariable(variable) ? variable : node;
}
