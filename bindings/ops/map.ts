// Which operations work element by element, and how are they differentiated?

import * as code from "../../assembly/opcodes.ts";
import { check } from "../errors.ts";
import {
  type Attributes,
  constant,
  defineOp,
  errorPlace,
  isInt32,
  makeNode,
  type Operand,
  type Operation,
  type SymbolicTensor,
  toSymbolic,
} from "../graph.ts";
import { checkShape, type DType, type Shape, sameShape } from "../tensor.ts";
import { type Expression, lowerExpression } from "./expression.ts";

type Node = SymbolicTensor;

/** Several elementwise operations in one pass over memory; made by the compiler, never by users. */
export const fusedOp: Operation<{ readonly expression: Expression; readonly shape: Shape; readonly dtype: DType }> =
  /* @__PURE__ */ defineOp({
    name: "map",
    infer: (_, { shape, dtype }) => ({ shape, dtype }),
    gradient: () => {
      throw new Error("gradients are taken before fusion");
    },
    lower: (node) => [lowerExpression(node, node.attributes.expression)],
  });

// Building blocks -----------------------------------------------------------------------------------------------------

function lowerAlone(node: Node): ReturnType<typeof lowerExpression>[] {
  const sources = node.inputs.map((_, input) => ({ kind: "tensor" as const, input }));
  const [first = code.COPY_VALUE, ...rest] = node.op.elementwise?.(node) ?? [];
  const steps = [{ code: first, operands: node.inputs.map((_, position) => position) }];
  for (const next of rest) steps.push({ code: next, operands: [sources.length + steps.length - 1] });
  return [lowerExpression(node, { sources, steps })];
}

interface ElementRule {
  readonly name: string;
  /** Dtype of the result, given those of the inputs. */
  readonly dtype: (inputs: readonly Node[], attributes: Attributes) => DType;
  readonly codes: (node: Node) => readonly number[];
  /** The gradients in the shape of the result; gradient.ts sums them over broadcast axes. */
  readonly gradient: (node: Node, dy: Node) => readonly (Node | null)[];
  readonly shape?: (attributes: Attributes) => Shape;
}

/* @__NO_SIDE_EFFECTS__ */
function elementOp(rule: ElementRule): Operation {
  return defineOp<Attributes>({
    name: rule.name,
    infer: (inputs, attributes) => ({
      shape: rule.shape === undefined ? broadcastShapes(rule.name, inputs) : rule.shape(attributes),
      dtype: rule.dtype(inputs, attributes),
    }),
    gradient: rule.gradient,
    elementwise: rule.codes,
    lower: lowerAlone,
  });
}

/** The shape that `inputs` have together: axes of size 1 and missing leading axes repeat. */
function broadcastShapes(name: string, inputs: readonly Node[]): Shape {
  const rank = Math.max(...inputs.map((input) => input.shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    let size = 1;
    for (const input of inputs) {
      const own = input.shape[axis - rank + input.shape.length] ?? 1;
      check(own === size || own === 1 || size === 1, "shape", () => ({
        where: errorPlace(name),
        expected: "shapes that broadcast: equal sizes, or 1, in every axis from the last",
        received: inputs.map((each) => `[${each.shape.join(", ")}]`).join(" and "),
      }));
      if (own !== 1) size = own;
    }
    return size;
  });
}

/** The operand as float32. */
export function asFloat(operand: Operand): Node {
  return cast(toSymbolic(operand), "float32");
}

/** The operand as float32 or, of integers and truth values, int32. */
export function numeric(operand: Operand): Node {
  const node = toSymbolic(operand);
  return node.dtype === "float32" ? node : cast(node, "int32");
}

type UnaryGradient = (x: Node, y: Node, dy: Node) => Node | null;

/** float32 → float32; other dtypes are cast first, unless there is an `integer` code. */
/* @__NO_SIDE_EFFECTS__ */
function unary(name: string, float: number, gradient: UnaryGradient, integer?: number): (x: Operand) => Node {
  const op = elementOp({
    name,
    dtype: ([x]) => (x as Node).dtype,
    codes: (node) => [node.dtype === "int32" ? (integer as number) : float],
    gradient: (node, dy) => [gradient(node.inputs[0] as Node, node, dy)],
  });
  return (x) => {
    const node = toSymbolic(x);
    return makeNode(op, [integer !== undefined && node.dtype !== "float32" ? cast(node, "int32") : asFloat(node)], {});
  };
}

type BinaryGradient = (a: Node, b: Node, y: Node, dy: Node) => readonly [Node | null, Node | null];

/** Both operands in one dtype: float32 if either is, else int32. */
function promote(a: Operand, b: Operand): [Node, Node] {
  const left = typeof a === "number" ? undefined : toSymbolic(a);
  const right = typeof b === "number" ? undefined : toSymbolic(b);
  const first = left ?? toSymbolic(a, right?.dtype === "float32" ? "float32" : "int32");
  const second = right ?? toSymbolic(b, first.dtype === "float32" ? "float32" : "int32");
  const dtype = first.dtype === "float32" || second.dtype === "float32" ? "float32" : "int32";
  return [cast(first, dtype), cast(second, dtype)];
}

/* @__NO_SIDE_EFFECTS__ */
function binary(
  name: string,
  float: number,
  integer: number | undefined,
  gradient: BinaryGradient,
): (a: Operand, b: Operand) => Node {
  const op = elementOp({
    name,
    dtype: ([a]) => (a as Node).dtype,
    codes: (node) => [node.dtype === "int32" ? (integer as number) : float],
    gradient: (node, dy) => gradient(node.inputs[0] as Node, node.inputs[1] as Node, node, dy),
  });
  return (a, b) => makeNode(op, integer === undefined ? [asFloat(a), asFloat(b)] : promote(a, b), {});
}

type Comparison = "equal" | "notEqual" | "less" | "lessEqual" | "greater" | "greaterEqual";

const mirrored: Readonly<Record<Comparison, Comparison>> = {
  equal: "equal",
  notEqual: "notEqual",
  less: "greater",
  lessEqual: "greaterEqual",
  greater: "less",
  greaterEqual: "lessEqual",
};

/** The comparison of integers with a number that is none, or one beyond int32: as if both were exact. */
function againstNumber(name: Comparison, x: Operand, number: number): Node | undefined {
  if (isInt32(number) || typeof x === "number") return undefined;
  const node = toSymbolic(x);
  if (node.dtype === "float32") return undefined;
  const unordered = Number.isNaN(number);
  if (name === "equal" || name === "notEqual" || unordered)
    return name === "notEqual" ? equal(node, node) : notEqual(node, node);
  const below = name === "less" || name === "lessEqual";
  const last = Math.floor(number);
  if (last < -(2 ** 31)) return below ? notEqual(node, node) : equal(node, node);
  if (last >= 2 ** 31 - 1) return below ? equal(node, node) : notEqual(node, node);
  return below ? lessEqual(node, last) : greater(node, last);
}

/* @__NO_SIDE_EFFECTS__ */
function comparison(name: Comparison, float: number, integer: number): (a: Operand, b: Operand) => Node {
  const op = elementOp({
    name,
    dtype: () => "bool",
    codes: (node) => [(node.inputs[0] as Node).dtype === "int32" ? integer : float],
    gradient: () => [null, null],
  });
  return (a, b) =>
    (typeof b === "number" ? againstNumber(name, a, b) : undefined) ??
    (typeof a === "number" ? againstNumber(mirrored[name], b, a) : undefined) ??
    makeNode(op, promote(a, b), {});
}

/* @__NO_SIDE_EFFECTS__ */
function logical(name: string, integer: number, count: number): (...operands: Operand[]) => Node {
  const op = elementOp({
    name,
    dtype: () => "bool",
    codes: () => [integer],
    gradient: (node) => node.inputs.map(() => null),
  });
  return (...operands) =>
    makeNode(
      op,
      operands.slice(0, count).map((operand) => cast(toSymbolic(operand), "bool")),
      {},
    );
}

// float32 → float32 ---------------------------------------------------------------------------------------------------

/** −x. float32 or int32, like abs and sign. */
export const negate: (x: Operand) => Node = unary("negate", code.NEGATE, (_x, _y, dy) => negate(dy), code.INT_NEGATE);
/** |x|. Its gradient at 0 is 0. */
export const abs: (x: Operand) => Node = unary("abs", code.ABS, (x, _y, dy) => multiply(dy, sign(x)), code.INT_ABS);
/** −1, 0 or 1; its gradient is zero. */
export const sign: (x: Operand) => Node = unary("sign", code.SIGN, () => null, code.INT_SIGN);
const squareOf = unary("square", code.SQUARE, (x, _y, dy) => multiply(dy, multiply(x, 2)));
/** x². float32 or int32. */
export function square(x: Operand): Node {
  const node = numeric(x);
  return node.dtype === "float32" ? squareOf(node) : multiply(node, node);
}
/** √x; NaN for x < 0. */
export const sqrt: (x: Operand) => Node = unary("sqrt", code.SQRT, (_x, y, dy) => divide(multiply(dy, 0.5), y));
/** 1/√x. */
export const rsqrt: (x: Operand) => Node = unary("rsqrt", code.RSQRT, (x, y, dy) =>
  multiply(dy, divide(multiply(y, -0.5), x)),
);
/** 1/x. */
export const reciprocal: (x: Operand) => Node = unary("reciprocal", code.RECIPROCAL, (_x, y, dy) =>
  negate(multiply(dy, square(y))),
);
/** eˣ. */
export const exp: (x: Operand) => Node = unary("exp", code.EXP, (_x, y, dy) => multiply(dy, y));
/** eˣ − 1, exact near 0. */
export const expm1: (x: Operand) => Node = unary("expm1", code.EXPM1, (x, _y, dy) => multiply(dy, exp(x)));
/** ln x; −Infinity at 0, NaN below. */
export const log: (x: Operand) => Node = unary("log", code.LOG, (x, _y, dy) => divide(dy, x));
/** ln(1 + x), exact near 0. */
export const log1p: (x: Operand) => Node = unary("log1p", code.LOG1P, (x, _y, dy) => divide(dy, add(x, 1)));
/** Hyperbolic tangent. Its gradient 1 − tanh² x is exact to half an ULP of 1. */
export const tanh: (x: Operand) => Node = unary("tanh", code.TANH, (_x, y, dy) => multiply(dy, subtract(1, square(y))));
/** 1/(1 + e⁻ˣ). Its gradient σ·(1 − σ) is exact to half an ULP of σ. */
export const sigmoid: (x: Operand) => Node = unary("sigmoid", code.SIGMOID, (_x, y, dy) =>
  multiply(dy, multiply(y, subtract(1, y))),
);
/** Error function, 2/√π ∫₀ˣ e^(−t²) dt. */
export const erf: (x: Operand) => Node = unary("erf", code.ERF, (x, _y, dy) =>
  multiply(dy, multiply(exp(negate(square(x))), 2 / Math.sqrt(Math.PI))),
);
/** (1 + erf(x / √2)) / 2: the share of a normal distribution below x. */
export const normalCdf: (x: Operand) => Node = unary("normalCdf", code.NORMAL_CDF, (x, _y, dy) =>
  multiply(dy, multiply(exp(multiply(square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI))),
);
/** x · sigmoid(x), also called swish (Ramachandran et al., 2017); 0 at −Infinity. */
export const silu: (x: Operand) => Node = unary("silu", code.SILU, (x, _y, dy) => {
  const share = sigmoid(x);
  const limited = maximum(minimum(x, 200), -200);
  return multiply(dy, multiply(share, add(multiply(limited, subtract(1, share)), 1)));
});
/** Inverse of erf on (−1, 1). */
export const erfInverse: (x: Operand) => Node = unary("erfInverse", code.ERF_INVERSE, (_x, y, dy) =>
  multiply(dy, multiply(exp(square(y)), Math.sqrt(Math.PI) / 2)),
);
/** Greatest integer ≤ x; its gradient is zero, like that of ceil and round. */
export const floor: (x: Operand) => Node = unary("floor", code.FLOOR, () => null);
/** Least integer ≥ x. */
export const ceil: (x: Operand) => Node = unary("ceil", code.CEIL, () => null);
/** Nearest integer, halves to the even one. */
export const round: (x: Operand) => Node = unary("round", code.ROUND, () => null);
/** max(x, 0). Its gradient at 0 is 0. */
export const relu: (x: Operand) => Node = unary("relu", code.RELU, (_x, y, dy) => where(greater(y, 0), dy, 0));
/** min(max(x, 0), 6). */
export const relu6: (x: Operand) => Node = unary("relu6", code.RELU6, (_x, y, dy) =>
  where(logicalAnd(greater(y, 0), less(y, 6)), dy, 0),
);
/** Whether `node` is the result of {@link relu}. */
export function isRelu(node: Node): boolean {
  return node.op.name === "relu";
}
/** Sine of radians. */
export const sin: (x: Operand) => Node = unary("sin", code.SIN, (x, _y, dy) => multiply(dy, cos(x)));
/** Cosine of radians. */
export const cos: (x: Operand) => Node = unary("cos", code.COS, (x, _y, dy) => negate(multiply(dy, sin(x))));
/** Inverse of the tangent, in radians from −π/2 to π/2. */
export const atan: (x: Operand) => Node = unary("atan", code.ATAN, (x, _y, dy) => divide(dy, add(square(x), 1)));

// Two operands, broadcast ---------------------------------------------------------------------------------------------

/** a + b. */
export const add: (a: Operand, b: Operand) => Node = binary("add", code.ADD, code.INT_ADD, (_a, _b, _y, dy) => [
  dy,
  dy,
]);
/** a − b. */
export const subtract: (a: Operand, b: Operand) => Node = binary(
  "subtract",
  code.SUBTRACT,
  code.INT_SUBTRACT,
  (_a, _b, _y, dy) => [dy, negate(dy)],
);
/** a · b. */
export const multiply: (a: Operand, b: Operand) => Node = binary(
  "multiply",
  code.MULTIPLY,
  code.INT_MULTIPLY,
  (a, b, _y, dy) => [multiply(dy, b), multiply(dy, a)],
);
/** a / b, in float32. */
export const divide: (a: Operand, b: Operand) => Node = binary("divide", code.DIVIDE, undefined, (_a, b, y, dy) => [
  divide(dy, b),
  negate(multiply(dy, divide(y, b))),
]);

/** The gradient of an extremum goes to the chosen operand; half to each where both are equal. */
const toChosen = (chosen: (a: Operand, b: Operand) => Node): BinaryGradient => {
  const share = (a: Node, b: Node, dy: Node): Node => where(chosen(a, b), dy, where(equal(a, b), multiply(dy, 0.5), 0));
  return (a, b, _y, dy) => [share(a, b, dy), share(b, a, dy)];
};
/** The larger of a and b; NaN if either is. Where both are equal each gets half of the gradient. */
export const maximum: (a: Operand, b: Operand) => Node = binary(
  "maximum",
  code.MAXIMUM,
  code.INT_MAXIMUM,
  toChosen((a, b) => greater(a, b)),
);
/** The smaller of a and b; NaN if either is. Where both are equal each gets half of the gradient. */
export const minimum: (a: Operand, b: Operand) => Node = binary(
  "minimum",
  code.MINIMUM,
  code.INT_MINIMUM,
  toChosen((a, b) => less(a, b)),
);

/** The larger of x and a bound: like {@link maximum}, but the gradient is all x's where both are equal. */
export const atLeast: (x: Operand, bound: Operand) => Node = binary(
  "maximum",
  code.MAXIMUM,
  code.INT_MAXIMUM,
  (x, bound, _y, dy) => [where(less(x, bound), 0, dy), where(less(x, bound), dy, 0)],
);
/** The smaller of x and a bound; see {@link atLeast}. */
export const atMost: (x: Operand, bound: Operand) => Node = binary(
  "minimum",
  code.MINIMUM,
  code.INT_MINIMUM,
  (x, bound, _y, dy) => [where(greater(x, bound), 0, dy), where(greater(x, bound), dy, 0)],
);

/** aᵇ as in IEEE 754, of integers modulo 2³². The gradient of b is 0 where the power is, and where a = 0 and b = 0. */
export const powerOf: (a: Operand, b: Operand) => Node = binary("power", code.POWER, code.INT_POWER, (a, b, y, dy) => {
  const flat = logicalOr(equal(y, 0), logicalAnd(equal(a, 0), greaterEqual(b, 0)));
  return [
    multiply(dy, where(equal(b, 0), 0, multiply(b, powerOf(a, subtract(b, 1))))),
    multiply(dy, where(flat, 0, multiply(y, log(where(flat, 1, a))))),
  ];
});
/**
 * a − b · ⌊a / b⌋, what is left of a, from 0 to b with the sign of b: exact in float32 and int32. NaN for b = 0, of integers
 * 0; a or b for infinite b, as their signs agree or not.
 */
export const mod: (a: Operand, b: Operand) => Node = binary("mod", code.MODULO, code.INT_MODULO, (a, b, _y, dy) => [
  dy,
  negate(multiply(dy, floorDivide(a, b))),
]);
/** ⌊a / b⌋, float32 or int32, where a / 0 is 0; its gradient is zero. */
export const floorDivide: (a: Operand, b: Operand) => Node = binary(
  "floorDivide",
  code.FLOOR_DIVIDE,
  code.INT_FLOOR_DIVIDE,
  () => [null, null],
);

/** a = b, as bool. */
export const equal: (a: Operand, b: Operand) => Node = comparison("equal", code.EQUAL, code.INT_EQUAL);
/** a ≠ b. */
export const notEqual: (a: Operand, b: Operand) => Node = comparison("notEqual", code.NOT_EQUAL, code.INT_NOT_EQUAL);
/** a < b. */
export const less: (a: Operand, b: Operand) => Node = comparison("less", code.LESS, code.INT_LESS);
/** a ≤ b. */
export const lessEqual: (a: Operand, b: Operand) => Node = comparison(
  "lessEqual",
  code.LESS_EQUAL,
  code.INT_LESS_EQUAL,
);
/** a > b. */
export const greater: (a: Operand, b: Operand) => Node = comparison("greater", code.GREATER, code.INT_GREATER);
/** a ≥ b. */
export const greaterEqual: (a: Operand, b: Operand) => Node = comparison(
  "greaterEqual",
  code.GREATER_EQUAL,
  code.INT_GREATER_EQUAL,
);

/** Not a. Operands of the logical operations are cast to bool. */
export const logicalNot: (a: Operand) => Node = logical("logicalNot", code.LOGICAL_NOT, 1);
/** a and b. */
export const logicalAnd: (a: Operand, b: Operand) => Node = logical("logicalAnd", code.LOGICAL_AND, 2);
/** a or b. */
export const logicalOr: (a: Operand, b: Operand) => Node = logical("logicalOr", code.LOGICAL_OR, 2);

const selectOp = elementOp({
  name: "where",
  dtype: ([a]) => (a as Node).dtype,
  codes: () => [code.SELECT],
  gradient: ({ inputs: [_a, _b, condition] }, dy) => [
    where(condition as Node, dy, 0),
    where(condition as Node, 0, dy),
    null,
  ],
});

/** Both operands in the dtype that holds the elements of both: what only moves elements changes none. */
function together(a: Operand, b: Operand): [Node, Node] {
  const [left, right] = [a, b].map((each) => (typeof each === "number" ? undefined : toSymbolic(each)));
  const narrow = (node: Node | undefined, other: Operand): boolean =>
    node === undefined
      ? typeof other === "number" && other === (other & 255)
      : node.dtype === "uint8" || node.dtype === "bool";
  if (!narrow(left, a) || !narrow(right, b) || (left ?? right) === undefined) return promote(a, b);
  if (left?.dtype === "bool" && right?.dtype === "bool") return [left, right];
  if (left?.dtype !== "uint8" && right?.dtype !== "uint8") return promote(a, b);
  const byte = (node: Node | undefined, number: Operand): Node =>
    node === undefined ? constant(number as number, "uint8") : cast(node, "uint8");
  return [byte(left, a), byte(right, b)];
}

/**
 * a where `condition` holds, b elsewhere; all three broadcast. Of uint8 and bool it is what they are, uint8 of both and of
 * uint8 and a number from 0 to 255; else float32 if either is, else int32.
 */
export function where(condition: Operand, a: Operand, b: Operand): Node {
  const [first, second] = together(a, b);
  return makeNode(selectOp, [first, second, cast(toSymbolic(condition), "bool")], {});
}

// Conversions ---------------------------------------------------------------------------------------------------------

const castCodes: Readonly<Record<string, readonly number[]>> = {
  "float32 int32": [code.FLOAT_TO_INT],
  "float32 uint8": [code.FLOAT_TO_INT, code.INT_TO_UINT8],
  "float32 bool": [code.FLOAT_TO_BOOL],
  "int32 float32": [code.INT_TO_FLOAT],
  "int32 uint8": [code.INT_TO_UINT8],
  "int32 bool": [code.INT_TO_BOOL],
  "uint8 float32": [code.INT_TO_FLOAT],
  "uint8 int32": [code.COPY_VALUE],
  "uint8 bool": [code.INT_TO_BOOL],
  "bool float32": [code.INT_TO_FLOAT],
  "bool int32": [code.COPY_VALUE],
  "bool uint8": [code.COPY_VALUE],
};

const castOp = elementOp({
  name: "cast",
  dtype: (_, { dtype }) => dtype as DType,
  codes: (node) => castCodes[`${(node.inputs[0] as Node).dtype} ${node.dtype}`] ?? [code.COPY_VALUE],
  gradient: (node, dy) => [(node.inputs[0] as Node).dtype === "float32" && node.dtype === "float32" ? dy : null],
});

/** The values in another dtype: float → integer rounds towards zero, anything → bool is ≠ 0. No gradient to integers. */
export function cast(x: Operand, dtype: DType): Node {
  const node = toSymbolic(x);
  return node.dtype === dtype ? node : makeNode(castOp, [node], { dtype });
}

const broadcastOp = elementOp({
  name: "broadcastTo",
  dtype: ([x]) => (x as Node).dtype,
  codes: () => [code.COPY_VALUE],
  gradient: (_, dy) => [dy],
  shape: ({ shape }) => shape as Shape,
});

/** x repeated along axes of size 1 and missing leading axes. @throws {TensorError} `shape` when it does not fit. */
export function broadcastTo(x: Operand, shape: Shape): Node {
  const node = toSymbolic(x);
  checkShape(errorPlace("broadcastTo"), shape);
  if (sameShape(node.shape, shape)) return node;
  const offset = shape.length - node.shape.length;
  check(offset >= 0 && node.shape.every((size, axis) => size === 1 || size === shape[axis + offset]), "shape", () => ({
    where: errorPlace("broadcastTo"),
    expected: `a shape that broadcasts to [${shape.join(", ")}]`,
    received: `[${node.shape.join(", ")}]`,
  }));
  return makeNode(broadcastOp, [node], { shape });
}

/** The same values in memory of their own. */
export function copyOf(x: Node): Node {
  return makeNode(broadcastOp, [x], { shape: x.shape });
}

/** A float32 tensor of `shape` with one value everywhere. */
export function full(shape: Shape, value: number): Node {
  return broadcastTo(constant(value), shape);
}
