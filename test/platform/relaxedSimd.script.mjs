// Asks for relaxed SIMD in the runtime that runs it, and prints what came of it: the child process of bundle.test.ts.

import { configure, ops, TensorError, tensor } from "wasmgrad";

let refused = null;
try {
  await configure({ relaxedSimd: true });
} catch (error) {
  if (!(error instanceof TensorError)) throw error;
  refused = error.code;
}
const a = tensor([[1, 1 + 2 ** -12]]);
const b = tensor([[-1 - 2 ** -11], [1 + 2 ** -12]]);
console.log(JSON.stringify({ refused, product: ops.matMul(a, b).data[0] }));
