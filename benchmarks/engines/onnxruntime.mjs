// How does ONNX Runtime do each job? The same code for its Wasm and its native build; neither trains.

import { networkModel, productModel } from "../onnx.mjs";
import { visionModel } from "../onnxVision.mjs";
import { planOf } from "../vision.mjs";

/** So many operations in one run make the call and the copy of the result small beside the products. */
const operationsPerRun = 6e7;

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

    // Channels first; the picture is turned round before anything is timed.
    async vision({ network, weights, input }) {
      const plan = planOf(network);
      const [rows, columns, channels] = plan[0].input;
      const planes = new Float32Array(input.length);
      for (let at = 0; at < input.length; at++)
        planes[(at % channels) * rows * columns + Math.floor(at / channels)] = input[at];
      const session = await runtime.InferenceSession.create(visionModel(plan, weights), options);
      const predict = async () => {
        const x = new runtime.Tensor("float32", planes, [1, channels, rows, columns]);
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
