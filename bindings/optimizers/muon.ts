// How does Muon make the step of a matrix orthogonal?

import type { SymbolicTensor } from "../graph.ts";
import { transpose } from "../ops/copy.ts";
import { add, divide, multiply, sqrt, square, subtract } from "../ops/map.ts";
import { matMul } from "../ops/matMul.ts";
import { sum } from "../ops/reduce.ts";
import { flag, integer, nullOr, number, type OptionRule } from "../optionRules.ts";
import type { Shape } from "../tensor.ts";
import { epsilonOption, settled, share } from "./averages.ts";
import { adamUpdate } from "./moments.ts";
import { defineOptimizer, type OptimizerFactory } from "./optimizer.ts";
import { words } from "./settings.ts";

type Node = SymbolicTensor;

/** Options of {@link muon}. */
export interface MuonOptions {
  /** For weights left to adam: share of the old mean gradient that stays, in [0, 1). Default 0.9. */
  readonly adamBeta1: number;
  /** The same for squared gradients. Default 0.999. */
  readonly adamBeta2: number;
  /** Of adam; ≥ 0. Default 1e-7. */
  readonly epsilon: number;
  /** Learning rate of adam over that of the matrices; ≥ 0. Default 1. */
  readonly adamLrRatio: number;
  /** The weight decay of weights left to adam; null for none. Default 0.004. */
  readonly adamWeightDecay: number | null;
  /** Root mean square of a step over the rate: it is scaled by rmsRate·√max(rows, columns); null: not at all. Default 0.2. */
  readonly rmsRate: number | null;
  /** Weights left to adam: those whose name has one of these in it; the last layer should be among them. Default none. */
  readonly excludeLayers: readonly string[];
  /** Whether weights with "embedding" in their name are left to adam. Default true. */
  readonly excludeEmbeddings: boolean;
  /** Coefficient a of X ← aX + b(XXᵀ)X + c(XXᵀ)²X. Default 3.4445. */
  readonly muonA: number;
  /** Coefficient b. Default −4.775. */
  readonly muonB: number;
  /** Coefficient c. Default 2.0315. */
  readonly muonC: number;
  /** Share of the old momentum that stays in each step, in [0, 1]. Default 0.95. */
  readonly momentum: number;
  /** Iterations of Newton and Schulz; ≥ 0. Default 5. */
  readonly nsSteps: number;
  /** Look ahead along the momentum. Default true. */
  readonly nesterov: boolean;
}

const names: OptionRule<readonly string[]> = { initial: [], check: words };

/**
 * Matrices [rows, columns] step along the orthogonal matrix next to their momentum m ← momentum·m + g:
 * w ← w − rate·0.2·√max(rows, columns) · U·Vᵀ of m = U·S·Vᵀ, approximately, by iterations of Newton and Schulz: rates are
 * those of adam, to which all other weights are left. Weight decay 0.004 by default (Jordan et al., 2024; Liu et al., 2025).
 */
export const muon: OptimizerFactory<MuonOptions> = /* @__PURE__ */ defineOptimizer<MuonOptions>({
  name: "muon",
  className: "Muon",
  weightDecay: 0.004,
  options: {
    adamBeta1: /* @__PURE__ */ share(0.9),
    adamBeta2: /* @__PURE__ */ share(0.999),
    epsilon: /* @__PURE__ */ epsilonOption(),
    adamLrRatio: /* @__PURE__ */ number(1, 0),
    adamWeightDecay: { ...nullOr(number(0.004, 0)), initial: 0.004 },
    rmsRate: { ...nullOr(number(0.2, 0)), initial: 0.2 },
    excludeLayers: names,
    excludeEmbeddings: /* @__PURE__ */ flag(true),
    muonA: /* @__PURE__ */ number(3.4445),
    muonB: /* @__PURE__ */ number(-4.775),
    muonC: /* @__PURE__ */ number(2.0315),
    momentum: /* @__PURE__ */ number(0.95, 0, 1),
    nsSteps: /* @__PURE__ */ integer(5, 0),
    nesterov: /* @__PURE__ */ flag(true),
  },
  perWeight: true,
  weightDecayOf: (shape, name, options) => (orthogonal(shape, name, options) ? undefined : options.adamWeightDecay),
  slots: (options) => ({
    momentum: {},
    velocity: { shape: (shape, name) => (orthogonal(shape, name, options) ? null : shape) },
  }),
  update: (step, options) => {
    const { parameter, gradient, slots, learningRate } = step;
    if (slots.velocity !== undefined) {
      const adamOptions = { beta1: options.adamBeta1, beta2: options.adamBeta2, epsilon: options.epsilon };
      return adamUpdate({ ...step, learningRate: multiply(learningRate, options.adamLrRatio) }, adamOptions);
    }
    const momentum = settled(add(multiply(slots.momentum as Node, options.momentum), gradient));
    const along = options.nesterov ? add(gradient, multiply(momentum, options.momentum)) : momentum;
    const scale = options.rmsRate === null ? 1 : options.rmsRate * Math.sqrt(Math.max(...parameter.shape));
    const rate = multiply(learningRate, scale);
    return { momentum, parameter: subtract(parameter, multiply(orthogonalized(along, options), rate)) };
  },
});

/** Whether a weight is a matrix, and not left to adam. */
function orthogonal(shape: Shape, name: string, { excludeEmbeddings, excludeLayers }: MuonOptions): boolean {
  if (shape.length !== 2) return false;
  if (excludeEmbeddings && name.toLowerCase().includes("embedding")) return false;
  return !excludeLayers.some((each) => name.includes(each));
}

/** The orthogonal matrix next to the matrix x, nearly: its singular values come to lie between about 0.7 and 1.2. */
function orthogonalized(x: Node, { muonA, muonB, muonC, nsSteps }: MuonOptions): Node {
  const [rows = 1, columns = 1] = x.shape;
  const turned = (y: Node): Node => (rows > columns ? transpose(y) : y);
  let y = turned(x);
  y = divide(y, add(sqrt(sum(square(y))), 1e-7));
  for (let step = 0; step < nsSteps; step++) {
    const squared = matMul(y, y, { transposeB: true });
    const polynomial = add(multiply(squared, muonB), multiply(matMul(squared, squared), muonC));
    y = add(multiply(y, muonA), matMul(polynomial, y));
  }
  return turned(y);
}
