// How does a composition get a gradient other than its own?

import { lift, type Result } from "../compiled.ts";
import { check, show } from "../errors.ts";
import { defineOp, errorPlace, makeNode, type Operand, type Operation, SymbolicTensor, toSymbolic } from "../graph.ts";
import { sameShape } from "../tensor.ts";

type Node = SymbolicTensor;

/** The gradient of each argument, null for none, given that of the value; a single one need not be in a list. */
export type GradientRule = (upstream: SymbolicTensor) => SymbolicTensor | readonly (SymbolicTensor | null)[];

/** The value of a function of tensors, and the rule by which it is differentiated. */
export type ValueAndRule = readonly [value: SymbolicTensor, gradient: GradientRule];

/**
 * `fn` on symbols with the gradient that it states. The value is computed as always; differentiation does not look into
 * it but asks the rule.
 */
export function withRule(fn: (...args: Node[]) => ValueAndRule, args: readonly Operand[]): Node {
  const nodes = args.map((arg) => toSymbolic(arg));
  const given = fn(...nodes);
  check(Array.isArray(given) && given[0] instanceof SymbolicTensor && typeof given[1] === "function", "option", () => ({
    where: errorPlace("customGradient"),
    expected: "a function that returns [value, upstream => gradients]",
    received: show(given),
  }));
  const [value, rule] = given;
  return makeNode(ruleOp(rule), [value, ...nodes], {});
}

/** [value, ...arguments] → value. Once the graph has been differentiated the value stands for it. */
function ruleOp(rule: GradientRule): Operation {
  return defineOp({
    name: "customGradient",
    infer: ([value]) => ({ shape: (value as Node).shape, dtype: (value as Node).dtype }),
    gradient: ({ inputs: [, ...args] }, upstream) => {
      const found = rule(upstream);
      const list = found instanceof SymbolicTensor ? [found] : found;
      checkGradients(args, list);
      return [null, ...list];
    },
    decompose: ([value]) => value as Node,
    faster: (_, [value]) => value as Node,
    view: true,
  });
}

function checkGradients(args: readonly Node[], found: readonly (Node | null)[]): void {
  const where = errorPlace("customGradient");
  check(Array.isArray(found) && found.length === args.length, "option", () => ({
    where,
    expected: `a list of ${args.length}, one gradient or null for each argument`,
    received: show(found),
  }));
  found.forEach((gradient, index) => {
    const { shape } = args[index] as Node;
    check(gradient === null || (gradient.dtype === "float32" && sameShape(gradient.shape, shape)), "shape", () => ({
      where,
      expected: `float32 of shape [${shape.join(", ")}] for argument ${index}`,
      received: gradient?.shape === undefined ? show(gradient) : `${gradient.dtype}[${gradient.shape.join(", ")}]`,
      remedy: "Sum over the axes along which the argument was repeated.",
    }));
  });
}

let count = 0;

/**
 * A function of tensors with a gradient of your own: `fn` returns its value and a rule that gives, for the gradient of
 * the value, that of each argument (float32, of the argument's shape; null for none). For what is differentiated more
 * exactly by hand, cannot be differentiated, or shall be differentiated otherwise (a straight-through estimate). The rule
 * consists of ops, so the gradient can be differentiated again. Variables that `fn` reads get no gradient: pass them.
 *
 * ```js
 * const roundThrough = customGradient((x) => [ops.round(x), (upstream) => upstream]);
 * ```
 * @throws {TensorError} `option` or `shape` when `fn` returns something else, or gradients that do not fit.
 */
export function customGradient(
  fn: (...args: SymbolicTensor[]) => ValueAndRule,
): <const A extends readonly Operand[]>(...args: A) => Result<A> {
  const name = `customGradient ${count++}`;
  return (...args) => lift(name, (...operands: Operand[]) => withRule(fn, operands), args.length)(...args) as never;
}
