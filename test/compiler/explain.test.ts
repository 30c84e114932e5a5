// How does a program read? Golden listings of small ones.

import { expect, it } from "vitest";
import { valueAndGrad } from "../../bindings/compiled.ts";
import { read, type SymbolicTensor, withScope } from "../../bindings/graph.ts";
import { softmaxCrossEntropy } from "../../bindings/ops/crossEntropy.ts";
import { add, relu } from "../../bindings/ops/map.ts";
import { matMul } from "../../bindings/ops/matMul.ts";
import { assign, sgdStep } from "../../bindings/ops/optimize.ts";
import { mean, sum } from "../../bindings/ops/reduce.ts";
import { softmax } from "../../bindings/ops/softmax.ts";
import { tensor } from "../../bindings/tensor.ts";
import { placeTogether, Variable } from "../../bindings/variable.ts";
import { compileGraph, traceGraph } from "../harness/runGraph.ts";
import { dropoutLike, matrix } from "./programs.ts";

const weight = (name: string, ...shape: number[]): Variable =>
  new Variable(name, tensor(new Float32Array(shape.reduce((size, length) => size * length, 1)), shape));

it("a layer and softmax", () => {
  const [kernel, bias] = [weight("dense/kernel", 20, 10), weight("dense/bias", 10)];
  const program = compileGraph(
    traceGraph([matrix(32, 20)], (x) => [
      withScope("model", () => {
        const hidden = withScope("dense", () => add(matMul(x as SymbolicTensor, kernel), bias));
        return withScope("softmax", () => softmax(hidden));
      }),
    ]),
  );
  expect(`\n${program.explain()}\n`).toMatchInlineSnapshot(`
    "
    #  op       shape        writes      reads                            kflop  KiB  layer
    0  sync
    1  matMul   [1, 32, 10]  arena+2560  arena+0 dense/kernel dense/bias  12.8   4.6  model/dense
    2  sync
    3  softmax  [32, 10]     arena+3840  arena+2560                       2.6    2.5  model/softmax
    arena 5 KiB (needed at once 5 KiB, side by side 5 KiB), variables 840 B
    "
  `);
});

it("a training step", () => {
  const parameters = [weight("kernel", 20, 10), weight("bias", 10)];
  const slots = [weight("kernel/gradient", 20, 10), weight("bias/gradient", 10)];
  placeTogether(parameters);
  placeTogether(slots);
  const program = compileGraph(
    traceGraph([matrix(32, 20), matrix(32, 10)], (x, y) => {
      const [kernel, bias] = parameters as [Variable, Variable];
      const loss = valueAndGrad(
        (input: SymbolicTensor, labels: SymbolicTensor) =>
          mean(softmaxCrossEntropy(labels, relu(add(matMul(input, read(kernel)), read(bias))))),
        { variables: parameters },
      );
      const { value, variableGradients } = loss(x as SymbolicTensor, y as SymbolicTensor);
      slots.forEach((slot, index) => {
        assign(slot, variableGradients[index] as SymbolicTensor);
      });
      parameters.forEach((parameter, index) => {
        sgdStep(
          { parameter, gradient: slots[index] as Variable, learningRate: 0.1 },
          { momentum: 0, nesterov: false, weightDecay: 0 },
        );
      });
      return [value];
    }),
  );
  expect(`\n${program.explain()}\n`).toMatchInlineSnapshot(`
    "
    #   op                    shape        writes           reads                             kflop  KiB  layer
    0   sync
    1   map                   []           arena+2560       constant constant                 0.0    0.0
    2   sync
    3   map                   [32]         prepared+0       arena+2560                        0.0    0.1
    -- the above only when weights have changed, the rest at every run --
    4   sync
    5   matMul                [1, 32, 10]  arena+2560       arena+0 kernel bias               12.8   4.6
    6   sync
    7   crossEntropy          [32]         arena+5120       arena+2560 arena+3840             2.6    2.6
    8   sync
    9   sum                   [1, 1]       arena+6400       arena+5120                        0.0    0.1
    10  sync
    11  map                   []           arena+7680       arena+6400 constant               0.0    0.0
    12  crossEntropyGradient  [32, 10]     arena+5120       arena+2560 arena+3840 prepared+0  3.2    3.9
    13  sync
    14  map                   [32, 10]     arena+6400       arena+2560 constant arena+5120    0.6    3.8
    15  sync
    16  matMul                [1, 20, 10]  kernel/gradient  arena+0 arena+6400                12.8   4.5
    17  sum                   [1, 10]      bias/gradient    arena+6400                        0.3    1.3
    18  sync
    19  sgd                   [20, 10]     kernel           kernel kernel/gradient constant   1.2    1.6
    20  sgd                   [10]         bias             bias bias/gradient constant       0.1    0.1
    arena 7.56 KiB (needed at once 7.56 KiB, side by side 7.81 KiB), variables 1.64 KiB, prepared 128 B
    "
  `);
});

it("dropout, sums and measured times", () => {
  const program = compileGraph(
    traceGraph([matrix(64, 100)], (x) => [
      sum(
        withScope("dropout", () => dropoutLike(x as SymbolicTensor)),
        1,
      ),
    ]),
  );
  const { instructions } = program.explain();
  expect(`\n${program.explain(instructions.map((_, index) => 1 + index))}\n`).toMatchInlineSnapshot(`
    "
    #  op    shape      writes       reads                                                 kflop  KiB   µs    GFLOP/s  GB/s  layer
    0  sync  5 chunks
    1  map   [64, 100]  arena+25600  arena+0 constant constant constant constant constant  96.0   50.0  2.00  48.0     25.6  dropout
    2  sync
    3  sum   [64, 1]    arena+51200  arena+25600                                           6.4    25.3  4.00  1.6      6.5
    arena 50.3 KiB (needed at once 50.3 KiB, side by side 50.3 KiB), variables 0 B
    "
  `);
});
