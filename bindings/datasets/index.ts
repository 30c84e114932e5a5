// Which data sets does `wasmgrad/datasets` offer?

export { type FashionMnistOptions, fashionMnistClasses, loadFashionMnist } from "./fashionMnist.ts";
export { type IdxArray, readIdx } from "./idx.ts";
export {
  type IdxPairOptions,
  type ImageParts,
  type ImageSetOptions,
  type LabelledImages,
  loadIdxPair,
} from "./labelledImages.ts";
export { loadMnist, type Mnist, type MnistOptions } from "./mnist.ts";
