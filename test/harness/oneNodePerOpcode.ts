// Which nodes, taken together, use every instruction of the machine?

import { gradients } from "../../bindings/gradient.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { constant, topologicalOrder } from "../../bindings/graph.ts";
import { accumulate, accumulator } from "../../bindings/ops/accumulate.ts";
import { affineSample } from "../../bindings/ops/affineSample.ts";
import { batchNormalization } from "../../bindings/ops/batchNormalization.ts";
import { conv } from "../../bindings/ops/conv.ts";
import { convWinograd, convWinogradGradient } from "../../bindings/ops/convWinograd.ts";
import { pad, transpose } from "../../bindings/ops/copy.ts";
import { softmaxCrossEntropy, sparseSoftmaxCrossEntropy } from "../../bindings/ops/crossEntropy.ts";
import { ctcOf } from "../../bindings/ops/ctc.ts";
import { lu, triangular } from "../../bindings/ops/factor.ts";
import { gather, gatherBatch } from "../../bindings/ops/gather.ts";
import { add, tanh } from "../../bindings/ops/map.ts";
import { matMul } from "../../bindings/ops/matMul.ts";
import { adamStep, assign, rmspropStep, sgdStep } from "../../bindings/ops/optimize.ts";
import { averagePool, maxPool } from "../../bindings/ops/pool.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import { softmax } from "../../bindings/ops/softmax.ts";
import { argSort } from "../../bindings/ops/sort.ts";
import { singularValues } from "../../bindings/ops/svd.ts";
import { expandDims, reshape } from "../../bindings/ops/view.ts";
import { zeros } from "../../bindings/tensor.ts";
import { Variable } from "../../bindings/variable.ts";
import { scale } from "./customKernel.ts";
import { traceGraph } from "./runGraph.ts";

/** All nodes of a graph in which every operation with a kernel occurs, forward and backward. */
export function oneNodePerOpcode(): SymbolicTensor[] {
  const weight = (name: string): Variable => new Variable(name, zeros([6]));
  const types = [
    { shape: [3, 4], dtype: "float32" } as const,
    { shape: [3], dtype: "int32" } as const,
    { shape: [], dtype: "int32" } as const,
  ];
  const { outputs, effects } = traceGraph(types, (...inputs) => {
    const [x, labels, cursor] = inputs as [SymbolicTensor, SymbolicTensor, SymbolicTensor];
    const kernel = [[[1, 2]], [[3, 4]]];
    const convolved = conv(expandDims(x, 2), add(kernel, sum(x)), {
      strides: [1],
      dilations: [1],
      padding: [[0, 0]],
      groups: 1,
    });
    const value = add(
      add(
        sum(convolved),
        sum(
          softmaxCrossEntropy(
            softmax(scale(x, [1, 2, 3, 4], { factor: 2 })),
            pad(transpose(transpose(matMul(x, x, { transposeB: true }))), [
              [0, 0],
              [1, 0],
            ]),
          ),
        ),
      ),
      sum(add(sparseSoftmaxCrossEntropy(labels, tanh(x)), sum(gather(x, labels), 1))),
    );
    const windows = { poolSize: [2], strides: [1], padding: [[1, 0]] } as const;
    const cells = reshape(x, [1, 3, 4]);
    const pooled = sum(add(maxPool(cells, windows), averagePool(cells, windows)));
    const moved = affineSample(reshape(x, [1, 3, 4, 1]), constant([[1, 0, 0.5, 0, 1, 0]]), {
      height: 2,
      width: 2,
      fillMode: "constant",
      fillValue: 0,
      interpolation: "bilinear",
    });
    const normalized = batchNormalization(x, [1, 1, 1, 1], [0, 0, 0, 0], 0.001).values;
    const spelled = sum(
      ctcOf(cells, reshape(labels, [1, 3]), constant(Int32Array.of(2)), constant(Int32Array.of(3)), 0),
    );
    accumulate(accumulator("total"), value);
    const [parameter, gradient, first, second] = ["parameter", "gradient", "first", "second"].map(weight) as [
      Variable,
      Variable,
      Variable,
      Variable,
    ];
    const learningRate = 0.1;
    assign(parameter, 1);
    sgdStep({ parameter, gradient, velocity: first, learningRate }, { momentum: 0.9, nesterov: true, weightDecay: 0 });
    adamStep(
      { parameter, gradient, momentum: first, velocity: second, learningRate, iteration: 1 },
      { beta1: 0.9, beta2: 0.999, epsilon: 1e-7, weightDecay: 0 },
    );
    rmspropStep(
      { parameter, gradient, velocity: first, learningRate },
      { rho: 0.9, epsilon: 1e-7, momentum: 0, weightDecay: 0, centered: false },
    );
    const image = reshape(sum(x), [1, 1, 1, 1]);
    const axis = { input: 1, output: 2, taps: 3, stride: 1, dilation: 1, offset: -1, quotient: 1 };
    const winograd = convWinograd(image, reshape(add(new Float32Array(9), sum(x)), [3, 3, 1, 1]), [axis, axis]);
    return [
      value,
      normalized,
      winograd,
      convWinogradGradient(image, winograd, [axis, axis]),
      moved,
      gatherBatch(x, labels, cursor, 2),
      argSort(x),
      singularValues(x),
      triangular(lu(reshape(x, [3, 2, 2])).factors, reshape(x, [3, 2, 2]), { lower: true }),
      ...gradients(add(add(add(add(value, pooled), sum(normalized)), sum(moved)), spelled), [x]).filter(
        (each) => each !== null,
      ),
    ];
  });
  return topologicalOrder([...outputs, ...effects]);
}
