// Do factors of columns go into weights where nobody else sees it, and nowhere else?

import { expect, it } from "vitest";
import { read, type SymbolicTensor } from "../../bindings/graph.ts";
import { conv } from "../../bindings/ops/conv.ts";
import { add, multiply, relu, relu6 } from "../../bindings/ops/map.ts";
import { matMul } from "../../bindings/ops/matMul.ts";
import { assign } from "../../bindings/ops/optimize.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { Variable } from "../../bindings/variable.ts";
import { floats, generator } from "../harness/random.ts";
import { compileGraph, type Traced, traceGraph } from "../harness/runGraph.ts";

const next = generator(3);
const random = (...shape: number[]): Tensor => tensor(floats(next, shape.reduce((a, b) => a * b, 1), { low: -1, high: 1 }), shape); // biome-ignore format: one line
const kernel = new Variable("kernel", random(3, 3, 4, 6));
const matrix = new Variable("matrix", random(4, 6));
const [scale, shift] = [new Variable("scale", random(6)), new Variable("shift", random(6))];
const x = random(2, 5, 5, 4);
const same = { strides: [1, 1], dilations: [1, 1], padding: [[1, 1], [1, 1]], groups: 1 } as const; // biome-ignore format: margins

const traced = (body: (x: SymbolicTensor) => SymbolicTensor[]): Traced =>
  traceGraph([x], (given) => body(given as SymbolicTensor));
const folding = { foldScales: true };
/** What every run does. */
const steps = (graph: Traced, options = folding): (string | undefined)[] =>
  compileGraph(graph, options).code.listing.filter((each) => each !== undefined).map(({ name }) => name); // biome-ignore format: one line

const scaled = (product: SymbolicTensor): SymbolicTensor => add(multiply(product, read(scale)), read(shift));

it("of a convolution and of a matrix product, with shift and activation: one instruction", () => {
  for (const act of [relu, relu6]) {
    const [convolution, product] = [
      traced((image) => [act(scaled(conv(image, read(kernel), same)))]),
      traced((image) => [act(scaled(matMul(image, read(matrix))))]),
    ];
    expect(steps(convolution)).toEqual(["conv"]);
    expect(steps(product)).toEqual(["matMul"]);
    expect(steps(convolution, { foldScales: false })).toEqual(["conv", "map"]);
    for (const graph of [convolution, product]) {
      const [one, other] = [true, false].map((foldScales) => compileGraph(graph, { foldScales }).run([x])[0] as Tensor);
      one?.data.forEach((value, index) => {
        expect(Math.abs(value - (other?.data[index] as number))).toBeLessThan(1e-5);
      });
    }
  }
});

it("follows the weights", () => {
  const program = compileGraph(
    traced((image) => [scaled(matMul(image, read(matrix)))]),
    folding,
  );
  const before = program.run([x])[0] as Tensor;
  const kept = scale.value;
  scale.assign(tensor(new Float32Array(6)));
  expect(program.run([x])[0]?.data.slice(0, 6)).toEqual(shift.value.data);
  scale.assign(kept);
  expect(program.run([x])[0]).toEqual(before);
});

it.each<[string, (image: SymbolicTensor) => SymbolicTensor[]]>([
  ["a factor that depends on the input", (image) => [multiply(matMul(image, read(matrix)), sum(matMul(image, read(matrix)), [0, 1, 2]))]],
  ["a product that is wanted itself", (image) => {
    const product = matMul(image, read(matrix));
    return [product, multiply(product, read(scale))];
  }],
  ["a factor of rows", (image) => [multiply(matMul(image, read(matrix)), tensor([[1], [2], [3], [4], [5]]))]],
  ["weights that the program changes", (image) => {
    const result = multiply(matMul(image, read(matrix)), read(scale));
    assign(scale, read(scale));
    return [result];
  }],
])("but not %s", (_, body) => {
  expect(steps(traced(body))).toContain("map");
}); // biome-ignore format: cases
