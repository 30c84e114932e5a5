// Which layers make up a model, and how are they connected?

import { checkOptionNames } from "../config.ts";
import type { Constraint } from "../constraints.ts";
import { engine } from "../engine.ts";
import { check, show, TensorError } from "../errors.ts";
import { type SymbolicTensor, withScope } from "../graph.ts";
import { inputLayer } from "../layers/core.ts";
import { type AnyLayer, type CallContext, Layer } from "../layers/layer.ts";
import { type BatchShape, Placeholder } from "../layers/placeholder.ts";
import { placeTogether, type Variable } from "../variable.ts";

/** One placeholder, or several by name. */
export type Ports = Placeholder | Readonly<Record<string, Placeholder>>;

/** The inside of a model: what goes in, what comes out, and all layers between, in order. */
export class Topology {
  /** Name of the model, for errors and listings. */
  readonly name: string;
  /** undefined for a single nameless input. */
  readonly inputNames: readonly string[] | undefined;
  readonly outputNames: readonly string[] | undefined;
  readonly inputs: readonly Placeholder[];
  readonly outputs: readonly Placeholder[];
  /** Every intermediate result, inputs before users. */
  readonly steps: readonly Placeholder[];
  readonly layers: readonly AnyLayer[];

  constructor(where: string, inputs: Ports, outputs: Ports) {
    this.name = where;
    const [inputNames, inputList] = portsOf(`${where}.inputs`, inputs);
    const [outputNames, outputList] = portsOf(`${where}.outputs`, outputs);
    this.inputNames = inputNames;
    this.outputNames = outputNames;
    this.inputs = inputList;
    this.outputs = outputList;
    this.steps = stepsOf(where, inputList, outputList);
    this.layers = [...new Set(this.steps.map((step) => step.call.layer))];
    nameLayers(where, this.layers);
    nameWeights(this.layers, "");
    for (const weight of this.weights) weight.users++;
  }

  /** All weights, layer by layer; a shared layer's once. */
  get weights(): Variable[] {
    return [...new Set(this.layers.flatMap((layer) => layer.weights))];
  }

  get trainableWeights(): Variable[] {
    return [...new Set(this.layers.flatMap((layer) => (layer.trainable ? layer.trainableWeights : [])))];
  }

  get constraints(): Map<Variable, Constraint> {
    return new Map(this.layers.flatMap((layer) => [...layer.constraints]));
  }

  /** Gives weights their places: trainable ones side by side, others apart, so that none lies among what a run needs. */
  place(): void {
    placeTogether(this.trainableWeights);
    placeTogether(this.weights);
  }

  /** Gives the memory of those weights back that no other model uses. */
  release(): void {
    const { weights } = this;
    for (const weight of weights) weight.users--;
    const placed = weights.filter((weight) => weight.placed);
    const kept = new Set(placed.filter((weight) => weight.users > 0).map((weight) => weight.storage.block));
    const blocks = new Set(placed.map((weight) => weight.storage.block).filter((block) => !kept.has(block)));
    for (const weight of placed) if (blocks.has(weight.storage.block)) weight.leave();
    for (const block of blocks) engine().release(block);
  }

  /** Runs `action` while weights have the names that they have in this model; others may call them by longer paths. */
  withOwnNames<T>(action: () => T): T {
    const names = new Map(this.weights.map((weight) => [weight, weight.name]));
    nameWeights(this.layers, "");
    try {
      return action();
    } finally {
      for (const [weight, name] of names) weight.name = name;
    }
  }

  /** The outputs for these inputs. */
  invoke(inputs: readonly SymbolicTensor[], context: CallContext): SymbolicTensor[] {
    const values = new Map(this.inputs.map((placeholder, index) => [placeholder, inputs[index] as SymbolicTensor]));
    for (const step of this.steps) {
      if (values.has(step)) continue;
      const given = step.call.inputs.map((each) => values.get(each) as SymbolicTensor);
      values.set(step, step.call.layer.invoke(given, context));
    }
    return this.outputs.map((output) => values.get(output) as SymbolicTensor);
  }
}

/** The chain of `layers` from an input of one sample's `shape`. */
export function chain(
  where: string,
  layers: readonly AnyLayer[],
  shape: BatchShape,
  dtype: Placeholder["dtype"],
): { inputs: Placeholder; outputs: Placeholder } {
  const first = layers[0];
  const source =
    first?.className === "InputLayer" ? first : inputLayer({ shape: shape.slice(1).map((size) => size ?? 1), dtype });
  const inputs = new Placeholder(shape, dtype, { layer: source, inputs: [], many: false });
  const rest = source === first ? layers.slice(1) : layers;
  const unbuilt = rest.filter((layer) => layer instanceof Layer && !layer.built);
  try {
    const outputs = withScope(where, () => rest.reduce((x, layer) => (layer as Layer).apply(x), inputs));
    return { inputs, outputs };
  } catch (error) {
    // Data of another shape may fit.
    for (const layer of unbuilt) (layer as Layer).unbuild();
    throw error;
  }
}

/** Checks the options of a model and its name. @throws {TensorError} `option`. */
export function checkModelOptions(where: string, options: { readonly name?: string }, known: readonly string[]): void {
  checkOptionNames(where, options, known);
  const { name } = options;
  check(name === undefined || (typeof name === "string" && name !== "" && !name.includes("/")), "option", () => ({
    where: `${where}.name`,
    expected: 'text without "/"',
    received: show(name),
  }));
}

function portsOf(where: string, ports: Ports): [readonly string[] | undefined, Placeholder[]] {
  if (ports instanceof Placeholder) return [undefined, [ports]];
  check(isPlainRecord(ports) && Object.keys(ports).length > 0, "option", () => ({
    where,
    expected: "a placeholder, or a record of placeholders by name",
    received: show(ports),
    remedy: "Make placeholders with input({ shape }) and by applying layers to them.",
  }));
  for (const [name, port] of Object.entries(ports))
    check(port instanceof Placeholder, "option", () => ({
      where: `${where}.${name}`,
      expected: "a placeholder",
      received: show(port),
    }));
  return [Object.keys(ports), Object.values(ports)];
}

function isPlainRecord(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function stepsOf(where: string, inputs: readonly Placeholder[], outputs: readonly Placeholder[]): Placeholder[] {
  const done = new Set<Placeholder>(inputs);
  const order: Placeholder[] = [...inputs];
  const visit = (start: Placeholder): void => {
    const stack = [start];
    while (stack.length > 0) {
      const top = stack[stack.length - 1] as Placeholder;
      const open = top.call.inputs.filter((each) => !done.has(each));
      if (done.has(top)) stack.pop();
      else if (open.length > 0) stack.push(...open.reverse());
      else {
        if (top.call.inputs.length === 0)
          throw new TensorError("shape", {
            where,
            expected: "outputs that depend on the given inputs only",
            received: `an output that needs the input "${top.call.layer.name}"`,
            remedy: "Add it to `inputs`.",
          });
        done.add(top);
        order.push(top);
        stack.pop();
      }
    }
  };
  for (const output of outputs) visit(output);
  return order;
}

/** Gives nameless layers the name of their class, numbered; names that users gave must be different. */
function nameLayers(where: string, layers: readonly AnyLayer[]): void {
  const taken = new Set<string>();
  for (const layer of layers) {
    if (!layer.named) continue;
    check(!taken.has(layer.name), "name", () => ({
      where,
      expected: "a different name for each layer",
      received: `two layers named "${layer.name}"`,
    }));
    taken.add(layer.name);
  }
  /** The next number of each base; all lower ones are taken. */
  const next = new Map<string, number>();
  for (const layer of layers) {
    if (layer.named) continue;
    const base = layer.name;
    let name = base;
    let count = next.get(base) ?? 1;
    for (; taken.has(name); count++) name = `${base}_${count}`;
    next.set(base, count);
    taken.add(name);
    layer.rename(name);
    layer.named = true;
  }
}

/** Names every weight by its path: `encoder/dense_1/kernel`. Layers of nested models get the names of all around them. */
function nameWeights(layers: readonly AnyLayer[], path: string): void {
  for (const layer of layers) {
    const inner = (layer as { layers?: readonly AnyLayer[] }).layers;
    if (inner !== undefined) nameWeights(inner, `${path}${layer.name}/`);
    else for (const weight of layer.weights) weight.name = `${path}${layer.name}/${weight.name.split("/").pop()}`;
  }
}
