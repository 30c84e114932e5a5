// What can JavaScript call of the machine that only predicts? Exports only; the whole machine's are in index.ts.

export { checksum } from "./checksum";
export { faultRecord } from "./fault";
export { run } from "./machine";
export { configure } from "./memory";

/** First byte that the module's own data leave free. */
export function heapBase(): usize {
  return __heap_base;
}
