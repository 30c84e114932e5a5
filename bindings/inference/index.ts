// What is needed to predict with a saved program, and nothing else?

export { type ErrorCode, TensorError } from "../errors.ts";
export type { Port } from "../formats/programFile.ts";
export { type DType, type Shape, Tensor, type TensorLike, tensor } from "../tensor.ts";
export { type InferenceProgram, loadProgram } from "./program.ts";
