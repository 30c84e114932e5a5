// How is a mistake made on purpose, and what must follow? An error that says so, and a model with the same weights.

import { expect } from "vitest";
import { TensorError } from "../../bindings/errors.ts";
import type { Model } from "../../bindings/models/model.ts";
import { expectSameBits } from "../harness/compare.ts";

export type AnyModel = Model<never, unknown, string>;
/** Calls with wrong arguments: the type checker would refuse them, JavaScript does not. */
export type Loose = Record<
  "fit" | "evaluate" | "predict" | "compile" | "explain" | "setWeights" | "build",
  (...args: unknown[]) => unknown
>;

/** Title, code, parts of the message in order, and the mistake. */
export type Mistake = readonly [
  title: string,
  code: TensorError["code"],
  parts: readonly string[],
  act: (given: Loose) => unknown,
];

/** Makes the mistake; its error must hold the parts in their order, and nothing may have changed. */
export async function expectMistake(given: AnyModel, [title, code, parts, act]: Mistake): Promise<void> {
  const before = given.getWeights();
  let error: unknown;
  try {
    await act(given as unknown as Loose);
  } catch (thrown) {
    error = thrown;
  }
  expect(error, title).toBeInstanceOf(TensorError);
  const { message } = error as TensorError;
  expect((error as TensorError).code, message).toBe(code);
  let from = 0;
  for (const part of parts) {
    expect(message.slice(from), message).toContain(part);
    from = message.indexOf(part, from) + part.length;
  }
  expectSameBits(given.getWeights(), before, title);
}
