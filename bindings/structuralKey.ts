// Text that is equal for equal structures of plain values, and only for these.

import { hasTag, tensorTag } from "./brands.ts";
import { check } from "./errors.ts";
import type { Tensor } from "./tensor.ts";

/** Lists and records in each other, at most; deeper ones are refused, and those that hold themselves with them. */
export const deepest = 256;

/** @throws {TensorError} `option` for what stands in {@link deepest} lists and records or more. */
export function checkDepth(depth: number): void {
  check(depth < deepest, "option", () => ({
    where: "arguments",
    expected: `at most ${deepest} lists and records in each other`,
    received: "more, or one that holds itself",
  }));
}

/**
 * `value` as text: numbers, strings, lists and records by what they hold; functions and objects of classes, which may hold
 * anything, by which one they are. Unlike JSON it tells NaN, the infinities, −0, undefined and holes apart. `replace` may put
 * text in the place of objects.
 * @throws {TensorError} `option` for structures that are too deep, or that hold themselves.
 */
export function structuralKey(value: unknown, replace?: (value: unknown) => unknown, depth = 0): string {
  const each = replace === undefined ? value : replace(value);
  switch (typeof each) {
    case "number":
      return Object.is(each, -0) ? "-0" : `${each}`;
    case "string":
      return JSON.stringify(each);
    case "bigint":
      return `${each}n`;
    case "object":
      return each === null ? "null" : keyOfObject(each, replace, depth);
    case "function":
      return identityOf(each);
    default:
      return String(each);
  }
}

function keyOfObject(value: object, replace: ((value: unknown) => unknown) | undefined, depth: number): string {
  checkDepth(depth);
  if (Array.isArray(value)) {
    let list = "[";
    // Holes too.
    for (let index = 0; index < value.length; index++) list += `${structuralKey(value[index], replace, depth + 1)},`;
    return `${list}]`;
  }
  if (ArrayBuffer.isView(value)) return `${Object.prototype.toString.call(value)}(${value})`;
  if (hasTag(value, tensorTag)) {
    const { dtype, shape, data } = value as Tensor;
    return `${dtype}[${shape}](${data})`;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return identityOf(value);
  let record = "{";
  for (const key of Object.keys(value)) {
    const each = (value as Readonly<Record<string, unknown>>)[key];
    if (each !== undefined) record += `${JSON.stringify(key)}:${structuralKey(each, replace, depth + 1)},`;
  }
  return `${record}}`;
}

const identities = new WeakMap<object, number>();
let known = 0;

function identityOf(value: object): string {
  let found = identities.get(value);
  if (found === undefined) {
    found = known++;
    identities.set(value, found);
  }
  return `#${found}`;
}
