// How does the kernel become an operation that trains, and the operation a layer?

import { customOp, defineLayer, float, initializers, ops, reads, registerLayer, TensorError, writes } from "wasmgrad";

/**
 * The operation and the layer around the three kernels of assembly/spline.ts.
 * @param module the compiled kernels: a WebAssembly.Module, or its bytes
 */
export function splineOf(module) {
  /** The gradient with respect to x: float32 [rows, features]. */
  const splineToInput = customOp({
    name: "splineToInput",
    module,
    inputs: ["x", "heights", "dy"],
    infer: ([x]) => x,
    lower: (node) => {
      const [x, heights, dy] = node.inputs;
      return call(node, { x, heights, dy, units: x.shape[0] });
    },
    gradient: "decompose",
    decompose: ([x, heights, dy], attributes) => {
      const { density } = attributes;
      const { onPiece } = pieces(x, heights, attributes);
      return ops.multiply(ops.multiply(dy, density), ops.sum(ops.multiply(onPiece, slopes(heights)), -1));
    },
  });

  /** The gradient with respect to the heights: float32 [features, knots]. */
  const splineToHeights = customOp({
    name: "splineToHeights",
    module,
    inputs: ["x", "heights", "dy"],
    infer: ([, heights]) => heights,
    lower: (node) => {
      const [x, heights, dy] = node.inputs;
      return call(node, { x, dy, units: heights.shape[0], rows: x.shape[0], knots: heights.shape[1] });
    },
    gradient: "decompose",
    decompose: ([x, heights, dy], attributes) => {
      const { onPiece, f } = pieces(x, heights, attributes);
      const share = (part, paddings) =>
        ops.pad(ops.multiply(onPiece, ops.expandDims(ops.multiply(dy, part), 2)), [[0, 0], [0, 0], paddings]);
      return ops.sum(ops.add(share(ops.subtract(1, f), [0, 1]), share(f, [1, 0])), 0);
    },
  });

  /** Curves of straight pieces: x [rows, features], heights [features, knots] → [rows, features]. */
  const spline = customOp({
    name: "spline",
    module,
    inputs: ["x", "heights"],
    infer: ([x, heights]) => {
      const fits = x.shape.length === 2 && heights.shape[0] === x.shape[1] && heights.shape[1] >= 2;
      if (fits) return x;
      throw new TensorError("shape", {
        where: "spline",
        expected: "x [rows, features] and heights [features, knots], at least two knots",
        received: `[${x.shape.join(", ")}] and [${heights.shape.join(", ")}]`,
      });
    },
    lower: (node) => {
      const [x, heights] = node.inputs;
      return call(node, { x, heights, units: x.shape[0] });
    },
    gradient: (node, dy) => {
      const [x, heights] = node.inputs;
      return [splineToInput(x, heights, dy, node.attributes), splineToHeights(x, heights, dy, node.attributes)];
    },
    decompose: ([x, heights], attributes) => {
      const { onPiece, f } = pieces(x, heights, attributes);
      const left = ops.slice(heights, [0, 0], [-1, heights.shape[1] - 1]);
      const rise = ops.multiply(ops.expandDims(f, 2), slopes(heights));
      return ops.sum(ops.multiply(onPiece, ops.add(left, rise)), -1);
    },
  });

  /** relu(x) and a learned curve on top, flat at first: what a neuron answers is its own. */
  const splineActivation = defineLayer({
    className: "SplineActivation",
    fields: { knots: numberField(9), low: numberField(-4), high: numberField(4) },
    inputs: "one",
    weights: ([shape], { knots }) => ({
      heights: { shape: [shape[shape.length - 1], knots], initializer: initializers.zeros() },
    }),
    call: (x, { options: { knots, low, high }, weights }) =>
      ops.add(ops.relu(x), spline(x, weights.heights, { low, density: (knots - 1) / (high - low) })),
  });
  registerLayer("SplineActivation", splineActivation);

  return { spline, splineActivation };
}

/** One instruction: the operands in the order of the class Spline in assembly/spline.ts. */
function call(node, { x, heights, dy, units, rows = 0, knots = heights?.shape[1] }) {
  const { low, density } = node.attributes;
  return {
    units,
    operands: {
      x: reads(x),
      heights: heights === undefined ? 0 : reads(heights),
      dy: dy === undefined ? 0 : reads(dy),
      out: writes(node),
      rows,
      features: x.shape[1],
      knots,
      low: float(low),
      density: float(density),
    },
    flops: 8 * x.size,
  };
}

/** In other operations: a one for the piece that x falls on, [rows, features, knots − 1], and how far along it is. */
function pieces(x, heights, { low, density }) {
  const count = heights.shape[1] - 1;
  const t = ops.multiply(ops.subtract(x, low), density);
  const piece = ops.clip(ops.floor(t), 0, count - 1);
  return { onPiece: ops.oneHot(ops.cast(piece, "int32"), count), f: ops.subtract(t, piece) };
}

/** What the curve rises by from knot to knot: [features, knots − 1]. */
function slopes(heights) {
  const [features, knots] = heights.shape;
  const from = (first) => ops.slice(heights, [0, first], [features, knots - 1]);
  return ops.subtract(from(1), from(0));
}

/** An option of the layer that is a number. */
function numberField(initial) {
  return { parse: (value) => value ?? initial, write: (value) => value };
}
