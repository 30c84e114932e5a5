// How tensors, variables and datasets are known, whichever entry of the package they come from: entries are built apart, so
// each has classes of its own. The class states it under a symbol, which neither JSON nor a message to a thread can carry.

/** `Symbol.toStringTag` of tensors. */
export const tensorTag = "wasmgrad.Tensor";
/** That of variables. */
export const variableTag = "wasmgrad.Variable";
/** That of datasets. */
export const datasetTag = "wasmgrad.Dataset";

/** Whether `value` is an object of a class with this tag. Never throws, whatever traps the object has. */
export function hasTag(value: unknown, tag: string): boolean {
  try {
    return (
      typeof value === "object" &&
      value !== null &&
      (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] === tag
    );
  } catch {
    return false;
  }
}
