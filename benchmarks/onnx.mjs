// How is an ONNX file made without a library? Protocol buffers, by hand: varints, 32-bit floats, bytes inside bytes.
// Field numbers: onnx.proto3 of ONNX 1.12 (ir_version 8, opset 13).

import { units } from "./network.mjs";

const float = 1;
/** The type of a shape. */
export const int64 = 7;

/**
 * A model with `repetitions` products of the same two constant matrices, C = A·B, a [m, k] × b [k, n], A or B stored
 * transposed on request. Only the last product is an output; run it with the graph optimizations switched off, so that
 * the others stay.
 *
 * @returns {Uint8Array}
 */
export function productModel({ m, k, n, transposeA, transposeB }, a, b, repetitions) {
  const plain = !transposeA && !transposeB;
  const nodes = Array.from({ length: repetitions }, (_, index) => {
    const output = index === repetitions - 1 ? "c" : `unused${index}`;
    if (plain) return node("MatMul", ["a", "b"], [output]);
    return node(
      "Gemm",
      ["a", "b"],
      [output],
      [integer("transA", transposeA ? 1 : 0), integer("transB", transposeB ? 1 : 0)],
    );
  });
  return model({
    nodes,
    initializers: [tensor("a", transposeA ? [k, m] : [m, k], a), tensor("b", transposeB ? [n, k] : [k, n], b)],
    inputs: [],
    outputs: [value("c", [m, n])],
  });
}

/**
 * The network of `network.mjs` as Gemm → Relu → … → Softmax, x [batch, 784] → y [batch, 10].
 *
 * @param {{ shape: number[], values: Float32Array }[]} weights
 * @returns {Uint8Array}
 */
export function networkModel(weights, batch) {
  const layers = units.length - 1;
  const nodes = [];
  let current = "x";
  for (let layer = 0; layer < layers; layer++) {
    nodes.push(node("Gemm", [current, `weight${2 * layer}`, `weight${2 * layer + 1}`], [`sum${layer}`]));
    current = layer === layers - 1 ? "y" : `active${layer}`;
    nodes.push(
      layer === layers - 1
        ? node("Softmax", [`sum${layer}`], [current], [integer("axis", 1)])
        : node("Relu", [`sum${layer}`], [current]),
    );
  }
  return model({
    nodes,
    initializers: weights.map(({ shape, values }, index) => tensor(`weight${index}`, shape, values)),
    inputs: [value("x", [batch, units[0]])],
    outputs: [value("y", [batch, units[layers]])],
  });
}

/** A file of nodes, constants, inputs and outputs. */
export function model({ nodes, initializers, inputs, outputs }) {
  const graph = [
    ...nodes.map((item) => bytesField(1, item)),
    textField(2, "graph"),
    ...initializers.map((item) => bytesField(5, item)),
    ...inputs.map((item) => bytesField(11, item)),
    ...outputs.map((item) => bytesField(12, item)),
  ];
  const operatorSet = message(textField(1, ""), numberField(2, 13));
  return message(numberField(1, 8), bytesField(7, message(...graph)), bytesField(8, operatorSet));
}

/** @param {Uint8Array[]} attributes */
export function node(type, inputs, outputs, attributes = []) {
  return message(
    ...inputs.map((name) => textField(1, name)),
    ...outputs.map((name) => textField(2, name)),
    textField(4, type),
    ...attributes.map((attribute) => bytesField(5, attribute)),
  );
}

/** An attribute of a node that is a number. */
export function integer(name, number) {
  return message(textField(1, name), numberField(3, number), numberField(20, 2));
}

/** An attribute of a node that is a list of numbers. */
export function integers(name, list) {
  return message(textField(1, name), ...list.map((each) => numberField(8, each)), numberField(20, 7));
}

export function tensor(name, shape, values) {
  const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return message(
    ...shape.map((size) => numberField(1, size)),
    numberField(2, float),
    textField(8, name),
    bytesField(9, raw),
  );
}

export function value(name, shape, elements = float) {
  const sizes = shape.map((size) => bytesField(1, message(numberField(1, size))));
  const type = message(numberField(1, elements), bytesField(2, message(...sizes)));
  return message(textField(1, name), bytesField(2, message(bytesField(1, type))));
}

function numberField(field, number) {
  return Uint8Array.from([...varint(field * 8), ...varint(number)]);
}

function textField(field, text) {
  return bytesField(field, new TextEncoder().encode(text));
}

function bytesField(field, content) {
  return message(Uint8Array.from([...varint(field * 8 + 2), ...varint(content.length)]), content);
}

function message(...parts) {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

function varint(number) {
  const bytes = [];
  for (let rest = number; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
}
