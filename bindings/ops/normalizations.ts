// How are tensors normalised, and images compared, as functions without weights?

import { check } from "../errors.ts";
import { errorPlace, type Operand, type SymbolicTensor, toSymbolic } from "../graph.ts";
import { sameShape } from "../tensor.ts";
import { checkScalar } from "./arguments.ts";
import { log10 } from "./composedElements.ts";
import { pad } from "./copy.ts";
import { oneHot } from "./crossEntropy.ts";
import { add, asFloat, divide, multiply, rsqrt, square, subtract } from "./map.ts";
import { type Axes, max, mean, resolveAxes } from "./reduce.ts";
import { reshape } from "./view.ts";

type Node = SymbolicTensor;

/**
 * (x − mean) / √(variance + epsilon) · scale + offset, each of them one number for each entry of `axis`. Mean and variance
 * are given; those of x are `ops.moments`.
 * @throws {TensorError} `shape` when one of them has another size.
 */
export function batchNormalization(
  x: Operand,
  mean: Operand,
  variance: Operand,
  offset?: Operand,
  scale?: Operand,
  axis = -1,
  epsilon = 1e-3,
): Node {
  const node = asFloat(x);
  const place = placer("batchNormalization", node, axis);
  const factor = rsqrt(add(place(variance), epsilon));
  return scaled(
    subtract(node, place(mean)),
    factor,
    scale === undefined ? undefined : place(scale),
    offset === undefined ? undefined : place(offset),
  );
}

/**
 * (x − mean) / √(variance + epsilon) · gamma + beta with mean and variance over `axes` of each sample; gamma and beta have
 * these axes (Ba et al., 2016).
 * @throws {TensorError} `shape` when gamma or beta have other sizes.
 */
export function layerNormalization(x: Operand, gamma?: Operand, beta?: Operand, axes: Axes = -1, epsilon = 1e-7): Node {
  const node = asFloat(x);
  const place = placer("layerNormalization", node, axes);
  const centred = subtract(node, mean(node, axes, true));
  const factor = rsqrt(add(mean(square(centred), axes, true), epsilon));
  return scaled(
    centred,
    factor,
    gamma === undefined ? undefined : place(gamma),
    beta === undefined ? undefined : place(beta),
  );
}

/** x / √(mean x² + epsilon) · scale over `axes`, which scale has (Zhang & Sennrich, 2019). */
export function rmsNormalization(x: Operand, scale?: Operand, axes: Axes = -1, epsilon = 1e-7): Node {
  const node = asFloat(x);
  const place = placer("rmsNormalization", node, axes);
  return scaled(
    node,
    rsqrt(add(mean(square(node), axes, true), epsilon)),
    scale === undefined ? undefined : place(scale),
    undefined,
  );
}

/** 20 · log₁₀(largest) − 10 · log₁₀(mean (a − b)²), the ratio of signal and noise in decibels; Infinity for equal ones. */
export function psnr(a: Operand, b: Operand, largest: number): Node {
  const [first, second] = [asFloat(a), asFloat(b)];
  checkScalar("psnr", "largest", largest);
  check(sameShape(first.shape, second.shape), "shape", () => ({
    where: errorPlace("psnr"),
    expected: "two tensors of one shape",
    received: `[${first.shape.join(", ")}] and [${second.shape.join(", ")}]`,
  }));
  return multiply(log10(divide(largest * largest, mean(square(subtract(first, second))))), 10);
}

/** Integers [..., n] as rows with a one for each of them: [..., classes] float32; positions outside do not count. */
export function multiHot(indices: Operand, classes: number): Node {
  const positions = toSymbolic(indices, "int32");
  check(positions.shape.length >= 1, "shape", () => ({
    where: errorPlace("multiHot"),
    expected: "positions [..., n]",
    received: "a scalar",
  }));
  const rows = oneHot(positions, classes);
  // The largest of nothing: zeros below each row.
  return max(pad(rows, [...rows.shape.slice(0, -2).map(() => [0, 0] as const), [0, 1], [0, 0]]), -2);
}

/** Puts what has the sizes of `axes` where these are in x. */
function placer(name: string, x: Node, axes: Axes): (values: Operand) => Node {
  const chosen = resolveAxes(name, x.shape.length, axes);
  const sizes = chosen.map((axis) => x.shape[axis] as number);
  return (values) => {
    const node = asFloat(values);
    check(sameShape(node.shape, sizes), "shape", () => ({
      where: errorPlace(name),
      expected: `[${sizes.join(", ")}], the sizes of the axes that are normalised`,
      received: `[${node.shape.join(", ")}]`,
    }));
    return reshape(
      node,
      x.shape.map((size, axis) => (chosen.includes(axis) ? size : 1)),
    );
  };
}

function scaled(centred: Node, factor: Node, scale: Node | undefined, offset: Node | undefined): Node {
  const result = multiply(centred, scale === undefined ? factor : multiply(factor, scale));
  return offset === undefined ? result : add(result, offset);
}
