// Which nodes compute the same thing? They become one.

import { isVariable, type SymbolicTensor } from "../graph.ts";
import { structuralKey } from "../structuralKey.ts";
import { Tensor } from "../tensor.ts";
import { type Graph, rewrite, withInputs } from "./graphPass.ts";

/** Merges nodes with equal operation, attributes and inputs. Effects stay apart. */
export function mergeCommon(graph: Graph): Graph {
  const known = new Map<string, SymbolicTensor>();
  const identities = new Map<object, number>();
  const identity = (value: object): string => {
    if (!identities.has(value)) identities.set(value, identities.size);
    return `#${identities.get(value)}`;
  };
  return rewrite(graph, (node, inputs) => {
    if (node.op.effect === true) return undefined;
    const attributes = structuralKey(node.attributes, (value) => describe(value, identity));
    const key = `${node.op.name} ${attributes} ${inputs.map((input) => input.id).join(" ")}`;
    const same = known.get(key);
    if (same !== undefined) return same;
    const kept = inputs.some((input, index) => input !== node.inputs[index]) ? withInputs(node, inputs) : node;
    known.set(key, kept);
    return kept;
  });
}

const smallConstant = 16;

function describe(value: unknown, identity: (value: object) => string): unknown {
  if (value instanceof Tensor)
    return value.size <= smallConstant
      ? `${value.dtype}[${value.shape.join()}]${Array.from(value.data, exactly).join()}`
      : identity(value.data);
  return isVariable(value) ? identity(value) : value;
}

/** A number as text that tells −0 from 0. */
function exactly(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}
