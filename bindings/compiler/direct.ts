// Which values are computed right where an assignment wants them, and in which order must nodes run for that?

import { readVariable, type SymbolicTensor, viewRoot } from "../graph.ts";
import { fusedOp } from "../ops/map.ts";
import { assignOp } from "../ops/optimize.ts";
import { sameShape } from "../tensor.ts";
import type { Variable } from "../variable.ts";
import { append, overlaps, sharersOf, Writers } from "./effects.ts";
import type { Graph } from "./graphPass.ts";

/** A value, the variable in whose memory it is computed, and the nodes that must have read that memory before. */
interface Direct {
  readonly root: SymbolicTensor;
  readonly variable: Variable;
  readonly earlier: readonly SymbolicTensor[];
}

/**
 * An order of the nodes, and the values that go into the memory of a variable without a copy: gradients into their block,
 * slots of an optimizer over their old values. Where that would go round in a circle, values are copied.
 */
export function placeAssignments(
  nodes: readonly SymbolicTensor[],
  graph: Graph,
): { readonly order: readonly SymbolicTensor[]; readonly direct: ReadonlyMap<SymbolicTensor, Variable> } {
  const writers = new Writers(nodes, graph.effects);
  const found = directAssignments(nodes, graph, writers);
  const free = found.filter(({ earlier }) => earlier.length === 0);
  const waiting = found.filter(({ earlier }) => earlier.length > 0);
  for (;;) {
    const order = inOrder(nodes, graph.effects, writers, waiting);
    if (order !== undefined)
      return { order, direct: new Map([...free, ...waiting].map(({ root, variable }) => [root, variable])) };
    if (waiting.pop() === undefined) throw new Error("schedule: the graph goes round in a circle");
  }
}

/** A node and the first input of it that reads a variable, which tells the version of that. */
interface Reading {
  readonly node: SymbolicTensor;
  readonly position: number;
  readonly version: number;
}

/**
 * Values that may be computed in the memory of the variable they are assigned to: nobody else needs the value if the
 * variable changes again, and who needs or writes an older one comes before, or is an elementwise operation that takes
 * each element just before it is replaced.
 */
function directAssignments(nodes: readonly SymbolicTensor[], graph: Graph, writers: Writers): Direct[] {
  const direct = new Map<SymbolicTensor, Direct>();
  const outputs = new Set(graph.outputs);
  const shown = new Set(graph.outputs.map(viewRoot));
  const readings = new Map<Variable, Reading[]>();
  const users = new Map<SymbolicTensor, SymbolicTensor[]>();
  nodes.forEach((node, position) => {
    if (node.op.view === true) return;
    for (const input of node.inputs) {
      const root = viewRoot(input);
      append(users, root, node);
      const reading = readVariable(root);
      if (reading !== undefined) append(readings, reading.variable, { node, position, version: reading.version });
    }
  });
  const assigned = graph.effects.flatMap((effect) => (isAssignment(effect) ? assignedVariable(effect) : []));
  const sharers = sharersOf(assigned, readings.keys());
  graph.effects.forEach((effect, index) => {
    if (!isAssignment(effect)) return;
    const [target, value] = effect.inputs as [SymbolicTensor, SymbolicTensor];
    const variable = assignedVariable(effect);
    const root = viewRoot(value);
    if (root.op.lower === undefined || root.op.trailing !== undefined) return;
    if (direct.has(root) || root.size !== value.size) return;
    const readers = (sharers.get(variable) ?? [])
      .flatMap((each) => readings.get(each) ?? [])
      .filter(({ node, version }) => version <= index && node !== effect && node !== root)
      .sort((a, b) => a.position - b.position)
      .map(({ node }) => node);
    const touching = writers.of(variable);
    const writing = touching.filter((at) => at < index).map((at) => graph.effects[at] as SymbolicTensor);
    const usedElsewhere = shown.has(root) || users.get(root)?.some((node) => node !== effect) === true;
    const changedLater = usedElsewhere && touching.some((at) => at !== index);
    if (!changedLater && !outputs.has(target) && mayReplace(root, variable))
      direct.set(root, { root, variable, earlier: [...new Set([...readers, ...writing])] });
  });
  return [...direct.values()];
}

/** Whether `root`, if it reads the variable at all, reads each element of it only to compute the same one of its own. */
function mayReplace(root: SymbolicTensor, variable: Variable): boolean {
  const own = root.inputs.filter((input) => {
    const reading = readVariable(input);
    return reading !== undefined && overlaps(reading.variable, variable);
  });
  if (own.length === 0) return true;
  const elementwise = root.op.elementwise !== undefined || (root.op as unknown) === fusedOp;
  return (
    elementwise &&
    own.every((input) => {
      const read = (readVariable(input) as { readonly variable: Variable }).variable;
      return read.storage.offset === variable.storage.offset && sameShape(input.shape, root.shape);
    })
  );
}

function isAssignment(effect: SymbolicTensor): boolean {
  return (effect.op as unknown) === assignOp;
}

/** The variable that an assignment changes: what its first input reads. */
export function assignedVariable(assignment: SymbolicTensor): Variable {
  return (assignment.inputs[0] as SymbolicTensor).attributes.variable as Variable;
}

// Order ---------------------------------------------------------------------------------------------------------------

/**
 * Nodes in an order that respects inputs and effects: what reads a variable at version v runs after effect v − 1 and
 * before effect v, as far as they touch the same bytes; and before the value that replaces what it reads. Undefined if
 * there is no such order.
 */
function inOrder(
  nodes: readonly SymbolicTensor[],
  effects: readonly SymbolicTensor[],
  writers: Writers,
  replacing: readonly Direct[],
): SymbolicTensor[] | undefined {
  if (effects.length === 0) return [...nodes];
  const before = new Map<SymbolicTensor, SymbolicTensor[]>(nodes.map((node) => [node, [...node.inputs]]));
  effects.forEach((effect, index) => {
    if (index > 0) before.get(effect)?.push(effects[index - 1] as SymbolicTensor);
  });
  for (const node of nodes) {
    if (node.op.effect === true) continue;
    for (const input of node.inputs) {
      const reading = readVariable(input);
      if (reading === undefined) continue;
      for (const index of writers.of(reading.variable)) {
        const effect = effects[index] as SymbolicTensor;
        if (index < reading.version) before.get(node)?.push(effect);
        else before.get(effect)?.push(node);
      }
    }
  }
  for (const { root, earlier } of replacing) before.get(root)?.push(...earlier);
  const order: SymbolicTensor[] = [];
  const state = new Map<SymbolicTensor, "open" | "done">();
  for (const start of nodes) {
    const stack = [start];
    while (stack.length > 0) {
      const node = stack[stack.length - 1] as SymbolicTensor;
      if (state.get(node) === "done") {
        stack.pop();
        continue;
      }
      state.set(node, "open");
      const waiting = (before.get(node) ?? []).filter((each) => state.get(each) !== "done");
      if (waiting.some((each) => state.get(each) === "open")) return undefined;
      if (waiting.length > 0) {
        stack.push(...waiting.toReversed().filter((each) => state.get(each) === undefined));
        continue;
      }
      state.set(node, "done");
      order.push(node);
      stack.pop();
    }
  }
  return order;
}
