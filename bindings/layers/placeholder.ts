// What flows between layers while a functional model is put together?

import type { DType } from "../tensor.ts";
import type { AnyLayer } from "./layer.ts";

/** A shape whose batch size is not known yet: null stands for it. */
export type BatchShape = readonly (number | null)[];

/** The result of applying a layer; `input()` makes the first ones. */
export class Placeholder {
  /** The batch axis first, null. */
  readonly shape: BatchShape;
  /** Of the elements. */
  readonly dtype: DType;
  /** The application that gives this value. */
  readonly call: LayerCall;

  constructor(shape: BatchShape, dtype: DType, call: LayerCall) {
    this.shape = Object.freeze([...shape]);
    this.dtype = dtype;
    this.call = call;
  }
}

/** One application of a layer. A layer that is applied several times shares its weights among them. */
export interface LayerCall {
  /** What is applied; for the first placeholders an input layer. */
  readonly layer: AnyLayer;
  /** What it is applied to, in order; none for an input layer. */
  readonly inputs: readonly Placeholder[];
  /** Whether it was given a list, even of one. */
  readonly many: boolean;
}
