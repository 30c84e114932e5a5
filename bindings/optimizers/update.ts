// How do weights change in one step, in ops?

import { check, show } from "../errors.ts";
import { read, type SymbolicTensor } from "../graph.ts";
import { add, broadcastTo, cast, divide, equal, floor, greater, multiply, subtract, where } from "../ops/map.ts";
import { assign } from "../ops/optimize.ts";
import type { Variable } from "../variable.ts";
import type { Optimizer } from "./optimizer.ts";
import type { OptimizerSettings } from "./settings.ts";

type Node = SymbolicTensor;

/** What one update works on: neighbouring weights, or a single one, with their gradients and slots. */
export interface Segment {
  /** Of the first weight. */
  readonly name: string;
  readonly parameter: Variable;
  readonly gradient: Variable;
  readonly average: Variable | undefined;
  readonly slots: Readonly<Record<string, Variable>>;
  readonly weightDecay: number;
}

/**
 * One step of the rule over each segment.
 * @param updating the step counts only where it holds; undefined for always.
 */
export function updateInOps(
  { name: optimizer, rule }: Optimizer,
  segments: readonly Segment[],
  shared: ReadonlyMap<string, Variable>,
  common: { readonly learningRate: Node; readonly iteration: Node },
  updating: Node | undefined,
): void {
  const readAll = (entries: Iterable<readonly [string, Variable]>): Record<string, Node> =>
    Object.fromEntries([...entries].map(([role, variable]) => [role, read(variable)]));
  // All is read before anything is written.
  const found = segments.map(({ name, parameter, gradient, slots, weightDecay }) => {
    const before = read(parameter);
    const decayed =
      weightDecay === 0 ? before : subtract(before, multiply(before, multiply(common.learningRate, weightDecay)));
    return rule.update({
      ...common,
      name,
      parameter: decayed,
      gradient: read(gradient),
      slots: readAll(Object.entries(slots)),
      shared: readAll(shared),
    });
  });
  found.forEach((values, at) => {
    const { parameter, slots } = segments[at] as Segment;
    const targets = new Map([...shared, ...Object.entries(slots), ["parameter", parameter] as const]);
    for (const [role, value] of Object.entries(values)) {
      const target = targets.get(role);
      check(target !== undefined, "option", () => ({
        where: `${optimizer}.update`,
        expected: `new values of ${[...targets.keys()].join(", ")}`,
        received: show(role),
      }));
      // Every segment finds the same value for what is shared.
      if (shared.has(role) && at > 0) continue;
      assign(target, updating === undefined ? value : where(spread(updating, target), value, read(target)));
    }
  });
}

/** A scalar condition for each element: computed there, as a condition in memory would be read byte by byte. */
export function spread(condition: Node, like: { readonly shape: readonly number[] }): Node {
  return greater(broadcastTo(cast(condition, "float32"), like.shape), 0);
}

/** average ← m·average + (1 − m)·parameter, m = 0 in the first step; every so often the parameter becomes the average. */
export function follow(parameter: Variable, averages: Variable, count: Node, settings: OptimizerSettings): void {
  const kept = where(greater(count, 1), settings.emaMomentum, 0);
  assign(averages, add(multiply(averages, kept), multiply(parameter, subtract(1, kept))));
  if (settings.emaOverwriteFrequency !== null)
    assign(parameter, where(isMultiple(count, settings.emaOverwriteFrequency), averages, parameter));
}

/** Whole part of count / steps for an int32 scalar: exact, though quotients are float32, as it corrects itself once. */
export function wholeQuotient(count: Node, steps: number): Node {
  const rough = cast(floor(divide(count, steps)), "int32");
  return add(rough, cast(floor(divide(subtract(count, multiply(rough, steps)), steps)), "int32"));
}

/** Whether an int32 scalar is a multiple of `steps`: a bool scalar. */
export function isMultiple(count: Node, steps: number): Node {
  return equal(multiply(wholeQuotient(count, steps), steps), count);
}
