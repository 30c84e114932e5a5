// Which error does a call give, and what of a model must not change then?

import { expect } from "vitest";
import { type ErrorCode, TensorError } from "../../bindings/errors.ts";
import type { Model } from "../../bindings/models/model.ts";
import type { Tensor } from "../../bindings/tensor.ts";

/** What the type checker would not let through. */
export type Wrong = never;

/** A call that must fail: what is wrong, the code of the error, part of its message. */
export type Refusal<N> = readonly [what: string, code: ErrorCode, text: string, call: (net: N) => unknown];

/** The {@link TensorError} that a call throws or rejects with. */
export async function caught(call: () => unknown): Promise<TensorError> {
  try {
    await call();
  } catch (error) {
    expect(error).toBeInstanceOf(TensorError);
    return error as TensorError;
  }
  throw new Error("no error");
}

/** Fails unless the call gives that error. */
export async function expectRefusal(call: () => unknown, code: ErrorCode, text: string): Promise<void> {
  const error = await caught(call);
  expect(error.message).toContain(text);
  expect(error.code, error.message).toBe(code);
}

/** Everything that training depends on. */
export function stateOf(trained: object): Tensor[] {
  const { trainer, weights } = trained as Model<never, unknown, string>;
  const { state, seed } = trainer;
  const values = weights.map((weight) => weight.value);
  return [...values, ...state.readSlots().map(({ value }) => value), state.iteration.value, seed.value];
}
