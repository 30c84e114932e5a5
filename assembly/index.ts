// What can JavaScript call? Exports only.

export { firstNonFinite } from "./check";
export { checksum } from "./checksum";
export { faultRecord } from "./fault";
export { run, runCut } from "./machine";
export { configure } from "./memory";
export { abandon, assemble, dismiss, runShared, work } from "./parallel";
export { permute } from "./random";
export { running } from "./kernels/custom";

/** First byte that the module's own data leave free. */
export function heapBase(): usize {
  return __heap_base;
}
