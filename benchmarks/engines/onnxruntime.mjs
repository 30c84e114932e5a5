// How does ONNX Runtime do each job? The same code for its Wasm and its native build; neither trains.

import { channelsFirst, channelsLast, reordered, transposed } from "../axes.mjs";
import { Inability } from "../inability.mjs";
import { networkModel, productModel } from "../onnx.mjs";
import { convolutionModel, visionModel } from "../onnxVision.mjs";

/** So many operations in one run make the call and the copy of the result small beside the products. */
const operationsPerRun = 6e7;

const noGradients = "ONNX Runtime for JavaScript has no gradients.";

/**
 * @param {any} runtime The module `onnxruntime-web` or `onnxruntime-node`.
 * @param {"wasm" | "cpu"} provider
 * @param {(threads: number) => void} setThreads
 * @returns {import("./engine.d.ts").Engine}
 */
export function onnxruntimeEngine(runtime, provider, setThreads) {
  /** @type {Record<string, unknown>} */
  let options;
  return {
    start({ threads }) {
      setThreads(threads);
      options = { executionProviders: [provider], intraOpNumThreads: threads };
    },

    // Both operands are constants of the model: B is packed once, the best case for it.
    async matMul(product, a, b) {
      const { m, k, n } = product;
      const repetitions = Math.max(1, Math.min(64, Math.round(operationsPerRun / (2 * m * k * n))));
      const model = productModel(product, a, b, repetitions);
      const session = await runtime.InferenceSession.create(model, { ...options, graphOptimizationLevel: "disabled" });
      return {
        repetitions,
        async run(times) {
          for (let time = 0; time < times; time++) await session.run({});
        },
        async result() {
          return (await session.run({})).c.data;
        },
        dispose: () => session.release(),
      };
    },

    // Both operands are constants of the model. Their order is turned into the one that the kernels like, as in any model,
    // but they may not be folded into their result. Only its shape is asked for, so that it is not copied.
    async convolution({ direction, ...convolution }, x, kernel) {
      if (direction !== "forward") throw new Inability(noGradients);
      const session = await runtime.InferenceSession.create(convolutionModel(convolution, x, kernel), {
        ...options,
        extra: { optimization: { disable_specified_optimizers: "ConstantFolding" } },
      });
      return {
        async run(times) {
          for (let time = 0; time < times; time++) await session.run({}, ["shape"]);
        },
        async result() {
          const { data, dims } = (await session.run({}, ["c"])).c;
          return transposed(data, dims, channelsLast);
        },
        dispose: () => session.release(),
      };
    },

    // Channels first; the picture is turned round before anything is timed.
    async vision({ plan, weights, input }) {
      const shape = [1, ...plan[0].input];
      const planes = transposed(input, shape, channelsFirst);
      const session = await runtime.InferenceSession.create(visionModel(plan, weights), options);
      const predict = async () => {
        const x = new runtime.Tensor("float32", planes, reordered(shape, channelsFirst));
        return (await session.run({ x })).y.data;
      };
      return {
        async run(times) {
          for (let time = 0; time < times; time++) await predict();
        },
        result: predict,
        dispose: () => session.release(),
      };
    },

    visionTraining() {
      throw new Inability(noGradients);
    },

    async prediction({ batchSize, weights, input }) {
      const session = await runtime.InferenceSession.create(networkModel(weights, batchSize), options);
      const predict = async () => {
        const x = new runtime.Tensor("float32", input, [batchSize, 784]);
        return (await session.run({ x })).y.data;
      };
      return {
        async run(times) {
          for (let time = 0; time < times; time++) await predict();
        },
        result: predict,
        dispose: () => session.release(),
      };
    },
  };
}
