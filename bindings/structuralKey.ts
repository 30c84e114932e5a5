// How do two structures of plain values and objects compare as text?

/**
 * JSON that keeps apart what JSON.stringify does not: NaN, the infinities and −0. `replace` may put text in the place of
 * objects.
 */
export function structuralKey(value: unknown, replace: (value: unknown) => unknown = (each) => each): string {
  return JSON.stringify(value, (_, each: unknown) => {
    if (typeof each === "number" && (!Number.isFinite(each) || Object.is(each, -0)))
      return `#${Object.is(each, -0) ? "-0" : each}`;
    return replace(each);
  });
}
