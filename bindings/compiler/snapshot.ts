// Which readings of a variable must be copied, because they are used after the variable has changed?

import { readVariable, type SymbolicTensor } from "../graph.ts";
import { copyOf } from "../ops/map.ts";
import { epochsOf, Writers } from "./effects.ts";
import { type Graph, nodesOf, rewrite, withInputs } from "./graphPass.ts";

/** Puts a copy between a reading and those who use it after an effect that changes the variable. */
export function snapshot(graph: Graph): Graph {
  if (graph.effects.length === 0) return graph;
  const nodes = nodesOf(graph);
  const epochs = epochsOf(nodes);
  const writers = new Writers(nodes, graph.effects);
  const positions = new Map(graph.effects.map((effect, position) => [effect, position]));
  const copies = new Map<SymbolicTensor, SymbolicTensor>();
  /** Whether one of the effects before number `end` changes what `node` reads. */
  const stale = (node: SymbolicTensor, end: number): boolean => {
    const reading = readVariable(node);
    return reading !== undefined && writers.of(reading.variable).some((at) => at >= reading.version && at < end);
  };
  const fresh = (node: SymbolicTensor, end: number, current: SymbolicTensor): SymbolicTensor => {
    if (!stale(node, end)) return current;
    const copy = copies.get(current) ?? copyOf(current);
    copies.set(current, copy);
    return copy;
  };
  const result = rewrite(graph, (node, inputs) => {
    if (node.op.view === true) return undefined;
    const end = positions.get(node) ?? epochs.get(node) ?? 0;
    const renewed = inputs.map((input, index) => fresh(node.inputs[index] as SymbolicTensor, end, input));
    return renewed.some((input, index) => input !== inputs[index]) ? withInputs(node, renewed) : undefined;
  });
  return {
    effects: result.effects,
    outputs: graph.outputs.map((output, index) =>
      fresh(output, graph.effects.length, result.outputs[index] as SymbolicTensor),
    ),
  };
}
