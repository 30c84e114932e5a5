// Do the types of an operation of one's own follow from its definition? Checked by `npm run types`.

import { expectTypeOf, test } from "vitest";
import { type CustomOpDefinition, customOp, type SymbolicTensor, type Tensor } from "../../bindings/index.ts";

interface Attributes {
  readonly factor: number;
}

/** Never called: only its type counts. */
const define = (rest: Omit<CustomOpDefinition<readonly string[], object>, "inputs" | "infer">) => ({
  plain: customOp({ ...rest, inputs: ["x", { name: "labels", dtype: "int32" }], infer: ([x]) => x as SymbolicTensor }),
  scaled: customOp({
    ...rest,
    inputs: ["x"],
    infer: ([x], { factor }: Attributes) => (factor > 0 ? x : undefined) as SymbolicTensor,
  }),
});
type Defined = ReturnType<typeof define>;

test("values give values, symbols give symbols, and the number of inputs is known", () => {
  const use = ({ plain, scaled }: Defined, symbol: SymbolicTensor) => {
    expectTypeOf(plain([1, 2], [3])).toEqualTypeOf<Tensor>();
    expectTypeOf(plain(symbol, [3])).toEqualTypeOf<SymbolicTensor>();
    expectTypeOf(plain.decomposed([1, 2], [3])).toEqualTypeOf<Tensor>();
    expectTypeOf(scaled([1], { factor: 2 })).toEqualTypeOf<Tensor>();
    // @ts-expect-error an input is missing
    plain([1]);
    // @ts-expect-error the attributes are missing
    scaled([1]);
    // @ts-expect-error an attribute of another type
    scaled([1], { factor: "2" });
  };
  expectTypeOf(use).toBeFunction();
});
