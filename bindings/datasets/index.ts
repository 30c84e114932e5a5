// Which data sets does `wasmgrad/datasets` offer?

export { type IdxArray, readIdx } from "./idx.ts";
export {
  type IdxPairOptions,
  type LabelledImages,
  loadIdxPair,
  loadMnist,
  type Mnist,
  type MnistOptions,
} from "./mnist.ts";
