// How does the plan of a convolutional network become an ONNX file? Channels first, as ONNX has it.

import { channelsFirst, outputsFirst, reordered, transposed } from "./axes.mjs";
import { int64, integer, integers, model, node, tensor, value } from "./onnx.mjs";

/**
 * x [1, channels, rows, columns] → y [1, classes].
 *
 * @param {ReturnType<typeof import("./vision.mjs").planOf>} plan
 * @param {ReturnType<typeof import("./vision.mjs").weightsOf>} weights
 */
export function visionModel(plan, weights) {
  const nodes = [];
  const initializers = [tensor("zero", [], Float32Array.of(0)), tensor("six", [], Float32Array.of(6))];
  const [rows, columns, channels] = plan[0].input;
  const names = [];
  let current = "x";
  plan.forEach((step, index) => {
    const then = (type, inputs, attributes = []) => {
      const output = `${type}${index}`;
      nodes.push(node(type, inputs, [output], attributes));
      current = output;
    };
    if (step.kind === "maxPool")
      then("MaxPool", [current], [integers("kernel_shape", [2, 2]), integers("strides", [2, 2])]);
    else if (step.kind === "globalAverage") {
      then("GlobalAveragePool", [current]);
      then("Flatten", [current], [integer("axis", 1)]);
    } else if (step.kind === "flatten") {
      then("Transpose", [current], [integers("perm", [0, 2, 3, 1])]);
      then("Flatten", [current], [integer("axis", 1)]);
    } else {
      const [kernel, bias] = weights[index];
      const [w, b] = [`weight${index}`, `bias${index}`];
      initializers.push(tensor(b, bias.shape, bias.values));
      if (step.kind === "dense") {
        initializers.push(tensor(w, kernel.shape, kernel.values));
        then("Gemm", [current, w, b]);
        then("Softmax", [current], [integer("axis", 1)]);
      } else {
        const { kernel: taps, stride, depthwise, margins, activation } = step;
        initializers.push(constant(w, kernel, outputsFirst));
        then(
          "Conv",
          [current, w, b],
          convolutionAttributes([taps, taps], [stride, stride], [margins, margins], depthwise ? step.output[2] : 1),
        );
        if (activation === "relu") then("Relu", [current]);
        if (activation === "relu6") then("Clip", [current, "zero", "six"]);
        if (step.add !== undefined) then("Add", [current, names[step.add]]);
      }
    }
    names.push(current);
  });
  nodes.push(node("Identity", [current], ["y"]));
  return model({
    nodes,
    initializers,
    inputs: [value("x", [1, channels, rows, columns])],
    outputs: [value("y", [1, plan.at(-1).output[0]])],
  });
}

/**
 * One convolution of two constants, c: the sums; and their shape, for whom does not want them copied.
 *
 * @param {import("./engines/engine.d.ts").Convolution} convolution
 * @param {Float32Array} x
 * @param {Float32Array} kernel
 */
export function convolutionModel({ shapes, options: { strides, padding, groups } }, x, kernel) {
  const attributes = convolutionAttributes(shapes.kernel.slice(0, 2), strides, padding, groups);
  return model({
    nodes: [node("Conv", ["x", "kernel"], ["c"], attributes), node("Shape", ["c"], ["shape"])],
    initializers: [
      constant("x", { shape: shapes.x, values: x }, channelsFirst),
      constant("kernel", { shape: shapes.kernel, values: kernel }, outputsFirst),
    ],
    inputs: [],
    outputs: [value("c", reordered(shapes.dy, channelsFirst)), value("shape", [4], int64)],
  });
}

function constant(name, { shape, values }, order) {
  return tensor(name, reordered(shape, order), transposed(values, shape, order));
}

function convolutionAttributes(taps, strides, margins, groups) {
  return [
    integers("kernel_shape", taps),
    integers("strides", strides),
    integers("pads", [...margins.map(([before]) => before), ...margins.map(([, after]) => after)]),
    integer("group", groups),
  ];
}
