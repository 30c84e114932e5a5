// Do the types of ops and of derivatives tell values from symbols? Checked by `npm run types`.

import { expectTypeOf, test } from "vitest";
import { compiled, customGradient, grad, ops, type SymbolicTensor, type Tensor, tensor } from "../../bindings/index.ts";

test("operations on values give tensors, lists of them where there are several results", () => {
  const x = tensor([1, 2, 3, 4]);
  expectTypeOf(ops.roll(x, 1)).toEqualTypeOf<Tensor>();
  expectTypeOf(ops.sliceUpdate(x, [1], [5])).toEqualTypeOf<Tensor>();
  expectTypeOf(ops.qr([[1]])).toEqualTypeOf<readonly [q: Tensor, r: Tensor]>();
  const [first] = ops.split(x, 2);
  expectTypeOf(first).toEqualTypeOf<Tensor | undefined>();
});

test("on symbols they give symbols, and compiled functions tensors again", () => {
  const halves = compiled((x: SymbolicTensor) => {
    const [mean] = ops.moments(x);
    expectTypeOf(mean).toEqualTypeOf<SymbolicTensor>();
    expectTypeOf(ops.sliceUpdate([1, 2], [0], ops.reshape(mean, [1]))).toEqualTypeOf<SymbolicTensor>();
    return { mean, parts: ops.split(x, 2) };
  });
  const result = halves([1, 2]);
  expectTypeOf(result.mean).toEqualTypeOf<Tensor>();
  expectTypeOf(result.parts).toEqualTypeOf<readonly Tensor[]>();
});

test("a derivative is a function of what the function takes", () => {
  const square = (x: SymbolicTensor): SymbolicTensor => ops.sum(ops.square(x));
  expectTypeOf(grad(square)([1, 2])).toEqualTypeOf<Tensor>();
  compiled((x: SymbolicTensor) => {
    expectTypeOf(grad(square)(x)).toEqualTypeOf<SymbolicTensor>();
    return grad(grad(square))(ops.sum(x));
  })([1]);
  const same = customGradient((x) => [x, (upstream) => upstream]);
  expectTypeOf(same([1])).toEqualTypeOf<Tensor>();
});
