// What can JavaScript call? Exports only.

export { configure } from "./memory";
export { run, runCut } from "./machine";
export { firstNonFinite } from "./check";
export { permute } from "./random";
export { running } from "./kernels/custom";

/** First byte that the module's own data leave free. */
export function heapBase(): usize {
  return __heap_base;
}
