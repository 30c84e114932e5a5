// How does the plan of a convolutional network become an ONNX file? Channels first, as ONNX has it.

import { integer, integers, model, node, tensor, value } from "./onnx.mjs";

/**
 * x [1, channels, rows, columns] → y [1, classes].
 *
 * @param {ReturnType<typeof import("./vision.mjs").planOf>} plan
 * @param {{ shape: number[], values: Float32Array }[]} weights
 */
export function visionModel(plan, weights) {
  const nodes = [];
  const initializers = [tensor("zero", [], Float32Array.of(0)), tensor("six", [], Float32Array.of(6))];
  const [rows, columns, channels] = plan[0].input;
  const names = [];
  let current = "x";
  let next = 0;
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
      const [kernel, bias] = [weights[next++], weights[next++]];
      const [w, b] = [`weight${index}`, `bias${index}`];
      initializers.push(tensor(b, bias.shape, bias.values));
      if (step.kind === "dense") {
        initializers.push(tensor(w, kernel.shape, kernel.values));
        then("Gemm", [current, w, b]);
        then("Softmax", [current], [integer("axis", 1)]);
      } else {
        const { kernel: taps, stride, depthwise, margins, activation } = step;
        initializers.push(tensor(w, outputsFirst(kernel.shape), turned(kernel)));
        then(
          "Conv",
          [current, w, b],
          [
            integers("kernel_shape", [taps, taps]),
            integers("strides", [stride, stride]),
            integers("pads", [margins[0], margins[0], margins[1], margins[1]]),
            integer("group", depthwise ? step.output[2] : 1),
          ],
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

/** [rows, columns, in, out] → [out, in, rows, columns]. */
const outputsFirst = ([rows, columns, inputs, outputs]) => [outputs, inputs, rows, columns];

function turned({ shape: [rows, columns, inputs, outputs], values }) {
  const result = new Float32Array(values.length);
  for (let tap = 0; tap < rows * columns; tap++)
    for (let i = 0; i < inputs; i++)
      for (let o = 0; o < outputs; o++)
        result[(o * inputs + i) * rows * columns + tap] = values[(tap * inputs + i) * outputs + o];
  return result;
}
