// What does wasmgrad offer? Named exports only, so that bundlers can leave out what is not used.

export type { Callback, Logs, Progress, TrainingInfo } from "./callbacks/callback.ts";
export type { Verbosity } from "./callbacks/progress.ts";
export {
  type CompiledFunction,
  compiled,
  grad,
  type ValueAndGradients,
  type ValueAndGradOptions,
  valueAndGrad,
} from "./compiled.ts";
export type { ExplainedInstruction, Explanation } from "./compiler/explain.ts";
export { double, float, reads, table, type Word, writes } from "./compiler/instruction.ts";
export type { CompileOptions as ProgramOptions } from "./compiler/program.ts";
export { configure, type EngineOptions, type Precision } from "./configure.ts";
export * as constraints from "./constraints.ts";
export { engine } from "./engine.ts";
export { type ErrorCode, TensorError } from "./errors.ts";
export { type NodeOf, type Operand, SymbolicTensor, type TensorType } from "./graph.ts";
export * as initializers from "./initializers.ts";
export type { KernelModule } from "./kernelModules.ts";
export type { ApplyOptions } from "./layers/apply.ts";
export { input } from "./layers/core.ts";
export * as fields from "./layers/field.ts";
export { layerFromConfig, registerLayer } from "./layers/fromConfig.ts";
export * as layers from "./layers/index.ts";
export {
  type AnyLayer,
  type CallContext,
  defineLayer,
  type Layer,
  type LayerDefinition,
  type LayerOptions,
  type Masking,
  type WeightSpec,
} from "./layers/layer.ts";
export type { BatchShape, LayerCall, Placeholder } from "./layers/placeholder.ts";
export * as losses from "./losses.ts";
export * as metrics from "./metrics.ts";
export type { DataLike } from "./models/data.ts";
export { type ModelOptions, model } from "./models/functional.ts";
export { loadModel } from "./models/loading.ts";
export type { Model } from "./models/model.ts";
export type { ExplainOptions } from "./models/profile.ts";
export type { ClassWeight, SampleWeight } from "./models/sampleWeights.ts";
export type { SaveOptions } from "./models/savedState.ts";
export { type SaveProgramOptions, saveProgram } from "./models/saveProgram.ts";
export { type SequentialOptions, sequential } from "./models/sequential.ts";
export type {
  CompileOptions,
  DatasetEvaluateOptions,
  DatasetFitOptions,
  DatasetPredictOptions,
  EvaluateOptions,
  FitOptions,
  History,
  LabelledBatches,
  LogsOf,
  MetricsOption,
  ValidationData,
} from "./models/types.ts";
export {
  type CustomInput,
  type CustomOp,
  type CustomOpDefinition,
  customOp,
  type KernelCall,
} from "./ops/custom.ts";
export { customGradient, type GradientRule, type ValueAndRule } from "./ops/customGradient.ts";
export * as ops from "./ops/index.ts";
export * as optimizers from "./optimizers.ts";
export * as preprocessing from "./preprocessing/index.ts";
export * as random from "./random.ts";
export * as regularizers from "./regularizers.ts";
export * as schedules from "./schedules.ts";
export { setSeed } from "./seed.ts";
export {
  type DType,
  type NestedArray,
  type NumericArray,
  type Shape,
  Tensor,
  type TensorData,
  type TensorLike,
  tensor,
  zeros,
} from "./tensor.ts";
export { Variable } from "./variable.ts";
export { maximumThreads } from "./workers.ts";
