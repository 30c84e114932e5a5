// What does `wasmgrad/callbacks` offer? What can be done while a model trains, as callbacks of `fit`, and before it.

export type { AnnouncementOptions } from "./announcements.ts";
export { type BackupAndRestoreOptions, backupAndRestore } from "./backupAndRestore.ts";
export type { Callback, Logs, ModelInTraining, NonFiniteFault, Progress, TrainingInfo } from "./callback.ts";
export { type CsvLoggerOptions, csvLogger } from "./csvLogger.ts";
export type { Write } from "./destination.ts";
export { type EarlyStopping, type EarlyStoppingOptions, earlyStopping } from "./earlyStopping.ts";
export { lambdaCallback } from "./lambdaCallback.ts";
export { learningRateScheduler } from "./learningRateScheduler.ts";
export { type LrCurve, type LrFinderOptions, lrFinder } from "./lrFinder.ts";
export { type ModelCheckpointOptions, modelCheckpoint } from "./modelCheckpoint.ts";
export type { MonitorOptions } from "./monitor.ts";
export { type ReduceLROnPlateauOptions, reduceLROnPlateau } from "./reduceLROnPlateau.ts";
export { type RemoteMonitorOptions, remoteMonitor } from "./remoteMonitor.ts";
export type { SaveFrequency } from "./saveFrequency.ts";
export { type SwapEMAWeightsOptions, swapEMAWeights } from "./swapEMAWeights.ts";
export { type TensorBoardOptions, tensorBoard } from "./tensorBoard.ts";
export { type TerminateOnNaN, terminateOnNaN } from "./terminateOnNaN.ts";
