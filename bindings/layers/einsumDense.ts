// How does a dense layer look whose axes are named?

import { check, show } from "../errors.ts";
import { errorPlace, type SymbolicTensor } from "../graph.ts";
import { einsum } from "../ops/einsum.ts";
import { add } from "../ops/map.ts";
import type { Shape } from "../tensor.ts";
import { activation, constraint, type Field, initializer, regularizer } from "./field.ts";
import { defineLayer, type Layer, type LayerOptions } from "./layer.ts";
import type { BiasOptions, KernelOptions, ResultOptions } from "./weightOptions.ts";

/** Options of {@link einsumDense}. */
export interface EinsumDenseOptions extends LayerOptions, KernelOptions, BiasOptions, ResultOptions {
  /** Such as `"abc,cd->abd"`: axes of the input, of the kernel, and of the result; the batch first, or `...`. */
  readonly equation: string;
  /** Sizes of the result without the batch; null where the input has the same letter. One number for one axis. */
  readonly outputShape: number | readonly (number | null)[];
  /** Letters of the result that the bias has. Default null: no bias. */
  readonly biasAxes?: string | null;
}

const fields = {
  equation: text(),
  outputShape: sizes(),
  biasAxes: optionalText(),
  activation: activation(),
  kernelInitializer: initializer("glorotUniform"),
  biasInitializer: initializer("zeros"),
  kernelRegularizer: regularizer(),
  biasRegularizer: regularizer(),
  activityRegularizer: regularizer(),
  kernelConstraint: constraint(),
  biasConstraint: constraint(),
};

/**
 * activation(einsum(equation, x, kernel) + bias): a dense layer over axes of one's choice.
 * @throws {TensorError} `option` for an equation, an outputShape or biasAxes that do not fit each other, `shape` for
 *   input that does not fit the equation.
 */
export const einsumDense: (options: EinsumDenseOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "EinsumDense",
  fields,
  inputs: "one",
  masking: "pass",
  weights: ([shape = []], options) => {
    const { kernel, bias } = weightShapes(shape, options.equation, options.outputShape, options.biasAxes);
    const spec = {
      kernel: {
        shape: kernel,
        initializer: options.kernelInitializer,
        regularizer: options.kernelRegularizer,
        constraint: options.kernelConstraint,
      },
    };
    if (bias === undefined) return spec;
    const { biasInitializer, biasRegularizer, biasConstraint } = options;
    return {
      ...spec,
      bias: { shape: bias, initializer: biasInitializer, regularizer: biasRegularizer, constraint: biasConstraint },
    };
  },
  call: (x, { options, weights: { kernel, bias } }) => {
    const product = einsum([x, kernel as SymbolicTensor], options.equation);
    return options.activation.call(bias === undefined ? product : add(product, bias));
  },
});

/** The shapes that the equation gives the weights for an input of this shape. */
function weightShapes(
  shape: Shape,
  equation: string,
  outputShape: readonly (number | null)[],
  biasAxes: string | null,
): { kernel: number[]; bias: number[] | undefined } {
  const where = errorPlace("einsumDense");
  const matched = /^(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?$/.exec(
    equation.replaceAll(" ", ""),
  );
  check(matched !== null && matched[1] === matched[5] && matched[3] === matched[7], "option", () => ({
    where: `${where}.equation`,
    expected: 'one such as "abc,cd->abd" or "...x,xy->...y"',
    received: JSON.stringify(equation),
  }));
  const [, leading, input = "", trailing, kernel = "", , output = ""] = matched;
  const known = new Map<string, number>();
  const align = (letters: string, of: readonly (number | null)[], fromEnd: boolean): void => {
    [...letters].forEach((letter, index) => {
      const size = of[fromEnd ? of.length - letters.length + index : index];
      if (size !== null && size !== undefined && !known.has(letter)) known.set(letter, size);
    });
  };
  const dots = leading !== undefined || trailing !== undefined;
  check(dots ? shape.length >= input.length : shape.length === input.length, "shape", () => ({
    where,
    expected: `input with ${input.length}${dots ? " or more" : ""} axes for "${equation}"`,
    received: `[${shape.join(", ")}]`,
  }));
  align(input, shape, leading !== undefined);
  // The batch is not among the sizes of the result: its first letter, or one of the axes of "...".
  const named = leading === undefined ? output.slice(1) : output;
  check(dots ? outputShape.length >= named.length : outputShape.length === named.length, "option", () => ({
    where: `${where}.outputShape`,
    expected: `${named.length} sizes for "${equation}"`,
    received: `[${outputShape.join(", ")}]`,
  }));
  align(named, outputShape, leading !== undefined);
  const sizeOf = (letter: string): number => {
    const size = known.get(letter);
    check(size !== undefined, "option", () => ({
      where: `${where}.outputShape`,
      expected: `a size for the axis "${letter}" of "${equation}"`,
      received: `[${outputShape.map((each) => each ?? "null").join(", ")}]`,
    }));
    return size;
  };
  check(biasAxes === null || [...biasAxes].every((letter) => output.includes(letter)), "option", () => ({
    where: `${where}.biasAxes`,
    expected: `letters of "${output}"`,
    received: JSON.stringify(biasAxes),
  }));
  // From the first letter of the bias on, axes that it does not have broadcast.
  const first = Math.min(...[...(biasAxes ?? "")].map((letter) => output.indexOf(letter)));
  const bias = [...output.slice(first)].map((letter) => (biasAxes?.includes(letter) === true ? sizeOf(letter) : 1));
  const after = trailing === undefined ? [] : new Array<number>(shape.length - input.length).fill(1);
  return { kernel: [...kernel].map(sizeOf), bias: biasAxes === null ? undefined : [...bias, ...after] };
}

/* @__NO_SIDE_EFFECTS__ */
function text(): Field<string> {
  return {
    parse: (value, where) => {
      check(typeof value === "string", "option", () => ({ where, expected: "text", received: show(value) }));
      return value;
    },
    write: (value) => value,
  };
}

/* @__NO_SIDE_EFFECTS__ */
function optionalText(): Field<string | null> {
  const rule = text();
  return {
    parse: (value, where) => (value === undefined || value === null ? null : rule.parse(value, where)),
    write: (value) => value,
  };
}

/* @__NO_SIDE_EFFECTS__ */
function sizes(): Field<readonly (number | null)[]> {
  return {
    parse: (value, where) => {
      const list = typeof value === "number" ? [value] : value;
      const fits =
        Array.isArray(list) && list.every((each) => each === null || (Number.isInteger(each) && (each as number) > 0));
      check(fits, "option", () => ({ where, expected: "a size or a list of sizes", received: show(value) }));
      return list as (number | null)[];
    },
    write: (value) => [...value],
  };
}
