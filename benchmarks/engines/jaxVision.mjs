// How does jax-js see? Channels first, in `lax.convGeneralDilated`; everything is turned round before it is timed.

import { jit, lax, nn, numpy as np, random, valueAndGrad, vjp } from "@jax-js/jax";
import { channelsFirst, channelsLast, outputsFirst, outputsLast, reordered, transposed } from "../axes.mjs";
import { adam, asArrays, kept, sgd } from "./jaxTraining.mjs";

/** @type {import("./engine.d.ts").Engine["convolution"]} */
export function convolution({ direction, shapes, options }, valuesA, valuesB) {
  const orders = { x: channelsFirst, kernel: outputsFirst, dy: channelsFirst };
  const [first, second] = { forward: ["x", "kernel"], input: ["dy", "kernel"], kernel: ["x", "dy"] }[direction];
  const array = (name, values) => arrayOf({ shape: shapes[name], values }, orders[name]);
  const [a, b] = [array(first, valuesA), array(second, valuesB)];
  const zeros = (name) => np.zeros(reordered(shapes[name], orders[name]));
  const convolve = (x, kernel) =>
    lax.convGeneralDilated(x, kernel, [...options.strides], options.padding, {
      rhsDilation: [...options.dilations],
      featureGroupCount: options.groups,
    });
  const call = jit(
    {
      forward: convolve,
      input: (dy, kernel) => pulledBack((x) => convolve(x, kernel), zeros("x"), dy),
      kernel: (x, dy) => pulledBack((kernel) => convolve(x, kernel), zeros("kernel"), dy),
    }[direction],
  );
  const back = direction === "kernel" ? outputsLast : channelsLast;
  return {
    async run(times) {
      for (let time = 0; time < times; time++) {
        const y = call(a.ref, b.ref);
        await y.blockUntilReady(); // a result that nobody reads is never computed
        y.dispose();
      }
    },
    async result() {
      const y = call(a.ref, b.ref);
      const { shape } = y;
      return transposed(Float32Array.from(await y.data()), shape, back);
    },
    dispose() {
      call.dispose();
      a.dispose();
      b.dispose();
    },
  };
}

/** The gradient of a linear function. */
function pulledBack(linear, primal, upstream) {
  const [y, pullback] = vjp(linear, [primal]);
  y.dispose();
  const [gradient] = pullback(upstream);
  pullback.dispose();
  return gradient;
}

/** @type {import("./engine.d.ts").Engine["vision"]} */
export function vision({ plan, weights, input }) {
  const arrays = parametersOf(plan, weights);
  const shape = [1, ...plan[0].input];
  const planes = transposed(input, shape, channelsFirst);
  const probabilities = jit((parameters, x) => nn.softmax(logitsOf(plan, parameters, x).logits, 1));
  const predict = () =>
    probabilities(arrays.map(kept), np.array(planes, { shape: reordered(shape, channelsFirst) })).data();
  return {
    async run(times) {
      for (let time = 0; time < times; time++) await predict();
    },
    result: async () => Float32Array.from(await predict()),
    dispose() {
      probabilities.dispose();
      for (const array of arrays.flat()) array.dispose();
    },
  };
}

/** @type {import("./engine.d.ts").Engine["visionTraining"]} */
export function visionTraining({ plan, weights, optimizer, input, labels, batchSize }) {
  const { begin, update } = { adam, sgd }[optimizer.name](optimizer.learningRate);
  const arrays = parametersOf(plan, weights);
  const counts = arrays.map((list) => list.length);
  let state = begin(arrays.flat());
  let moving = plan.map(({ normalization, filters, input }) => {
    const channels = [filters ?? input[2]];
    return normalization === undefined ? [] : [np.zeros(channels), np.ones(channels)];
  });
  let key = random.key(1);
  const x = arrayOf({ shape: [batchSize, ...plan[0].input], values: input }, channelsFirst);
  const y = nn.oneHot(np.array(labels, { dtype: np.int32 }), plan.at(-1).output[0]);
  const loss = (parameters, before, x, y, key) => {
    const { logits, moving } = logitsOf(plan, nested(parameters, counts), x, { moving: before, key });
    return [np.mean(np.sum(nn.logSoftmax(logits, 1).mul(y), 1)).neg(), moving];
  };
  const gradient = jit(valueAndGrad(loss, { hasAux: true }));
  const next = jit(update);
  return {
    async step() {
      const [rest, own] = random.split(key, 2);
      key = rest;
      const [[value, statistics], gradients] = gradient(kept(state.parameters), moving, x.ref, y.ref, own);
      moving = statistics;
      state = next(state, gradients);
      for (const array of [...state.parameters, ...moving.flat()]) await array.ref.blockUntilReady();
      return (await value.data())[0];
    },
    dispose() {
      gradient.dispose();
      next.dispose();
      for (const array of [Object.values(state), moving, key, x, y].flat(2)) array.dispose();
    },
  };
}

/**
 * What comes before the softmax, and the moving statistics of batch normalisations.
 *
 * @param training The statistics so far, and the key of random numbers; none for predictions.
 */
function logitsOf(plan, parameters, x, training) {
  const results = [];
  const moving = plan.map(() => []);
  let y = x;
  for (const [index, step] of plan.entries()) {
    y = layer[step.kind](step, y, parameters[index], training);
    if (step.normalization !== undefined)
      [y, ...moving[index]] = normalized(step, y, parameters[index], training.moving[index]);
    if (step.kind === "conv") y = activated(step, y);
    if (step.add !== undefined) y = y.add(results[step.add]);
    results.push(plan.some(({ add }) => add === index) ? y.ref : null);
  }
  return { logits: y, moving };
}

const layer = {
  conv({ stride, margins, depthwise, output, normalization }, x, [kernel, bias]) {
    const y = lax.convGeneralDilated(x, kernel, [stride, stride], [margins, margins], {
      featureGroupCount: depthwise ? output[2] : 1,
    });
    return normalization === undefined ? y.add(bias.reshape([1, -1, 1, 1])) : y;
  },
  maxPool: (_step, x) => lax.reduceWindow(x, np.max, [2, 2], [2, 2]),
  flatten: (_step, x) => np.transpose(x, channelsLast).reshape([x.shape[0], -1]),
  globalAverage: (_step, x) => np.mean(x, [2, 3]),
  dropout({ rate }, x, _parameters, { key }) {
    const stays = random.bernoulli(key, 1 - rate, x.shape);
    return np.where(stays, x.div(1 - rate), 0);
  },
  dense: (_step, x, [kernel, bias]) => np.matmul(x, kernel).add(bias),
};

function activated({ activation }, x) {
  return { relu: nn.relu, relu6: nn.relu6, linear: (same) => same }[activation](x);
}

/** Over batch, rows and columns; the result and the moving mean and variance. */
function normalized({ normalization: { epsilon, momentum } }, x, [, gamma, beta], [movingMean, movingVariance]) {
  const channels = [1, -1, 1, 1];
  const mean = np.mean(x.ref, [0, 2, 3]);
  const centred = x.sub(mean.ref.reshape(channels));
  const variance = np.mean(np.square(centred.ref), [0, 2, 3]);
  const factor = gamma.div(np.sqrt(variance.ref.add(epsilon)));
  return [
    centred.mul(factor.reshape(channels)).add(beta.reshape(channels)),
    movingMean.mul(momentum).add(mean.mul(1 - momentum)),
    movingVariance.mul(momentum).add(variance.mul(1 - momentum)),
  ];
}

function parametersOf(plan, weights) {
  return weights.map((list, index) =>
    plan[index].kind === "conv" ? [arrayOf(list[0], outputsFirst), ...asArrays(list.slice(1))] : asArrays(list),
  );
}

function arrayOf({ shape, values }, order) {
  return np.array(transposed(values, shape, order), { shape: reordered(shape, order) });
}

/** A flat list, cut into one of each step of a plan. */
function nested(list, counts) {
  let begin = 0;
  return counts.map((count) => {
    begin += count;
    return list.slice(begin - count, begin);
  });
}
