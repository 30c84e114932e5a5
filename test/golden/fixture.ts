// How do golden cases become tests, and what is reported about them?

import { readFileSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { TensorError } from "../../bindings/errors.ts";
import { type DType, type Shape, sizeOf, type Tensor, tensor } from "../../bindings/tensor.ts";

/** A tensor as the golden files hold it; numbers that JSON lacks are strings. */
export interface GoldenTensor {
  readonly shape: Shape;
  readonly dtype?: DType;
  readonly data: readonly (number | string)[];
}

/** All cases of one file. */
export function loadCases<T>(name: string): readonly T[] {
  return JSON.parse(readFileSync(new URL(`./${name}.json`, import.meta.url), "utf8")) as T[];
}

/** The value of a golden tensor. */
export function fromGolden({ shape, dtype = "float32", data }: GoldenTensor): Tensor {
  return tensor(Float32Array.from(data, Number), shape, dtype);
}

/** Checks |a − b| ≤ tolerance · (1 + |b|) for all elements, except those at `skipped` positions. */
export function expectClose(
  what: string,
  actual: Tensor,
  golden: GoldenTensor | number,
  tolerance: number,
  skipped: readonly number[] = [],
): void {
  const wanted: GoldenTensor = typeof golden === "number" ? { shape: [], data: [golden] } : golden;
  expect(actual.shape, `${what}: shape`).toEqual(wanted.shape);
  expect(wanted.data.length, `${what}: elements`).toBe(sizeOf(wanted.shape));
  wanted.data.forEach((each, index) => {
    if (skipped.includes(index)) return;
    const b = Number(each);
    const a = actual.data[index] as number;
    const same = Object.is(a, b) || a === b || Math.abs(a - b) <= tolerance * (1 + Math.abs(b));
    expect(same, `${what}[${index}]: ${a} instead of ${b}`).toBe(true);
  });
}

/** What of a file cannot agree, and why. */
export interface Exceptions {
  /** How many cases throw a TensorError of code `unsupported`. */
  readonly unsupported?: number;
  /** Cases whose stored values are not followed, with the reason. */
  readonly notFollowed?: Readonly<Record<string, string>>;
}

/**
 * One test for each case, and a table at the end. A case that throws a TensorError of code `unsupported` counts as not
 * supported, with its message; there must be as many of these as `exceptions` say.
 */
export function runCases<T extends { readonly id: string }>(
  title: string,
  cases: readonly T[],
  run: (golden: T) => void,
  { unsupported = 0, notFollowed = {} }: Exceptions = {},
): void {
  const reasons: string[] = [];
  const failed: string[] = [];
  let passed = 0;
  for (const golden of cases)
    test(`${title}: ${golden.id}`, () => {
      const reason = notFollowed[golden.id];
      try {
        if (reason === undefined) run(golden);
        else reasons.push(`${golden.id}: ${reason}`);
        if (reason === undefined) passed++;
      } catch (error) {
        if (error instanceof TensorError && error.code === "unsupported") {
          reasons.push(`${golden.id}: ${error.message}`);
          return;
        }
        failed.push(golden.id);
        throw error;
      }
    });
  afterAll(() => {
    const table = [`${title}: ${passed} passed, ${reasons.length} not supported, ${failed.length} failed`, ...reasons];
    console.log(table.join("\n  "));
    expect(reasons.length).toBe(unsupported + Object.keys(notFollowed).length);
  });
}
