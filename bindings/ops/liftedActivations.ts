// Which activations can users call, on values and on symbols?

import { type Lifted, lift } from "../compiled.ts";
import * as activations from "./activations.ts";
import * as elements from "./map.ts";

/** x for x > 0, alpha · (eˣ − 1) below (Clevert et al., 2016). */
export const elu: Lifted<typeof activations.elu> = /* @__PURE__ */ lift("elu", activations.elu, 1);
/** scale · elu(x, alpha) with the constants that keep mean 0 and variance 1 (Klambauer et al., 2017). */
export const selu: Lifted<typeof activations.selu> = /* @__PURE__ */ lift("selu", activations.selu, 1);
/** x for x > 0, slope · x below. */
export const leakyRelu: Lifted<typeof activations.leakyRelu> = /* @__PURE__ */ lift(
  "leakyRelu",
  activations.leakyRelu,
  1,
);
/** min(max(x, 0), 6). */
export const relu6: Lifted<typeof elements.relu6> = /* @__PURE__ */ lift("relu6", elements.relu6, 1);
/** ln(1 + eˣ), without overflow. */
export const softplus: Lifted<typeof activations.softplus> = /* @__PURE__ */ lift("softplus", activations.softplus, 1);
/** x / (1 + |x|). */
export const softsign: Lifted<typeof activations.softsign> = /* @__PURE__ */ lift("softsign", activations.softsign, 1);
/** x · sigmoid(x), also called swish (Ramachandran et al., 2017); 0 at −Infinity. */
export const silu: Lifted<typeof elements.silu> = /* @__PURE__ */ lift("silu", elements.silu, 1);
/** x · Φ(x); with `approximate` the tanh formula (Hendrycks & Gimpel, 2016). 0 at −Infinity. */
export const gelu: Lifted<typeof activations.gelu> = /* @__PURE__ */ lift("gelu", activations.gelu, 1);
/** relu6(x + 3) / 6. */
export const hardSigmoid: Lifted<typeof activations.hardSigmoid> = /* @__PURE__ */ lift(
  "hardSigmoid",
  activations.hardSigmoid,
  1,
);
/** min(x, maxValue) for x > threshold, negativeSlope · (x − threshold) below; no limit when `maxValue` is null. */
export const rectify: Lifted<typeof activations.rectify> = /* @__PURE__ */ lift("rectify", activations.rectify, 1);
/** max(x, 0) + min(0, alpha · (e^(x/alpha) − 1)) (Barron, 2017). */
export const celu: Lifted<typeof activations.celu> = /* @__PURE__ */ lift("celu", activations.celu, 1);
/** x · hardSigmoid(x) (Howard et al., 2019), also called hard swish. */
export const hardSilu: Lifted<typeof activations.hardSilu> = /* @__PURE__ */ lift("hardSilu", activations.hardSilu, 1);
/** −1 below −1, 1 above 1, x between. */
export const hardTanh: Lifted<typeof activations.hardTanh> = /* @__PURE__ */ lift("hardTanh", activations.hardTanh, 1);
/** x where |x| > threshold, else 0; NaN stays. */
export const hardShrink: Lifted<typeof activations.hardShrink> = /* @__PURE__ */ lift(
  "hardShrink",
  activations.hardShrink,
  1,
);
/** x moved towards 0 by threshold; 0 where |x| ≤ threshold. */
export const softShrink: Lifted<typeof activations.softShrink> = /* @__PURE__ */ lift(
  "softShrink",
  activations.softShrink,
  1,
);
/** x − tanh x. */
export const tanhShrink: Lifted<typeof activations.tanhShrink> = /* @__PURE__ */ lift(
  "tanhShrink",
  activations.tanhShrink,
  1,
);
/** ln σ(x) = −ln(1 + e⁻ˣ), without overflow. */
export const logSigmoid: Lifted<typeof activations.logSigmoid> = /* @__PURE__ */ lift(
  "logSigmoid",
  activations.logSigmoid,
  1,
);
/** x · tanh(ln(1 + eˣ)) (Misra, 2019); 0 at −Infinity. */
export const mish: Lifted<typeof activations.mish> = /* @__PURE__ */ lift("mish", activations.mish, 1);
/** First half of `axis` times the sigmoid of its second half: size 2n → n (Dauphin et al., 2017). */
export const glu: Lifted<typeof activations.glu> = /* @__PURE__ */ lift("glu", activations.glu, 1);
/** x where x > threshold, else `defaultValue`; NaN stays. */
export const threshold: Lifted<typeof activations.threshold> = /* @__PURE__ */ lift(
  "threshold",
  activations.threshold,
  1,
);
/** 0 for x ≤ −1, (x + 1)²/4 up to 1, x above: the smooth counterpart of `sparseSigmoid`. */
export const sparsePlus: Lifted<typeof activations.sparsePlus> = /* @__PURE__ */ lift(
  "sparsePlus",
  activations.sparsePlus,
  1,
);
/** 0 for x ≤ −1, (x + 1)/2 up to 1, 1 above. */
export const sparseSigmoid: Lifted<typeof activations.sparseSigmoid> = /* @__PURE__ */ lift(
  "sparseSigmoid",
  activations.sparseSigmoid,
  1,
);
/** (x + √(x² + b)) / 2 (Barron, 2021). For x < 0 as b / (2(√(x² + b) − x)): the sum would cancel. */
export const squareplus: Lifted<typeof activations.squareplus> = /* @__PURE__ */ lift(
  "squareplus",
  activations.squareplus,
  1,
);
/**
 * The point of the probability simplex nearest to x along `axis`; many are exactly 0 (Martins & Astudillo, 2016).
 * max(x − τ, 0) where τ = (Σ_S x − 1)/|S| and S holds the k largest x, as many as keep 1 + k·x_k > Σ_S x. (Keras 3.8 sums
 * all partial sums for τ: its rows do not sum to 1.)
 */
export const sparsemax: Lifted<typeof activations.sparsemax> = /* @__PURE__ */ lift(
  "sparsemax",
  activations.sparsemax,
  1,
);
