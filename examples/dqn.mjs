// Balances a pole on a cart by trial and error: deep Q-learning (Mnih et al., 2015) with a target network and double
// estimates (van Hasselt et al., 2016). The physics are those of Barto, Sutton & Anderson (1983), in steps of 20 ms; an
// episode ends when the pole leans over 12°, the cart leaves the track, or 500 steps are done.
//
//   node examples/dqn.mjs --episodes 600 --seed 7

import { parseArgs } from "node:util";
import { compiled, configure, layers, ops, optimizers, sequential, setSeed, tensor, valueAndGrad } from "wasmgrad";

const { values: options } = parseArgs({
  options: { episodes: { type: "string", default: "600" }, seed: { type: "string", default: "7" } },
});
const seed = Number(options.seed);
configure({ threads: 1 });
setSeed(seed);
const random = generator(seed);

// The cart pole ---------------------------------------------------------------------------------------------------------

const [gravity, cartMass, poleMass, halfLength, force, seconds] = [9.8, 1, 0.1, 0.5, 10, 0.02];
const longest = 500;

const start = () => Array.from({ length: 4 }, () => 0.1 * random() - 0.05);

/** The state after pushing left (0) or right (1), and whether the pole has fallen. */
function push([place, speed, angle, turning], action) {
  const total = cartMass + poleMass;
  const inertia = ((action === 1 ? force : -force) + poleMass * halfLength * turning ** 2 * Math.sin(angle)) / total;
  const turn =
    (gravity * Math.sin(angle) - Math.cos(angle) * inertia) /
    (halfLength * (4 / 3 - (poleMass * Math.cos(angle) ** 2) / total));
  const pull = inertia - (poleMass * halfLength * turn * Math.cos(angle)) / total;
  const state = [place + seconds * speed, speed + seconds * pull, angle + seconds * turning, turning + seconds * turn];
  return { state, fallen: Math.abs(state[0]) > 2.4 || Math.abs(state[2]) > (12 * Math.PI) / 180 };
}

// What is learned -------------------------------------------------------------------------------------------------------

const [batchSize, memorySize, discount, tau] = [64, 50_000, 0.99, 0.02];
const network = () =>
  sequential([
    layers.dense({ units: 128, activation: "relu", inputShape: [4] }),
    layers.dense({ units: 128, activation: "relu" }),
    layers.dense({ units: 2 }),
  ]);
const [online, target] = [network(), network()];
target.setWeights(online.getWeights());

const weights = online.trainableWeights;
const optimizer = optimizers.startOptimizer(optimizers.adam({ learningRate: 1e-3, globalClipnorm: 10 }), weights);
const lossAndGradients = valueAndGrad(
  (states, actions, wanted) => {
    const values = ops.sum(ops.multiply(online.apply(states), actions), -1);
    const error = ops.abs(ops.subtract(values, wanted));
    // Huber: squares near 0, and no more than a slope of 1 far away.
    return ops.mean(ops.where(ops.less(error, 1), ops.multiply(ops.square(error), 0.5), ops.subtract(error, 0.5)));
  },
  { variables: weights },
);
/** One step of gradient descent; `ends` is 1 where the pole has fallen, so that nothing comes after. */
const learn = compiled((states, actions, ends, after) => {
  const best = ops.oneHot(ops.argMax(online.apply(after), -1), 2);
  const later = ops.sum(ops.multiply(target.apply(after), best), -1);
  const wanted = ops.add(ops.multiply(ops.multiply(later, ops.subtract(1, ends)), discount), 1);
  const { value, variableGradients } = lossAndGradients(states, actions, ops.stopGradient(wanted));
  optimizer.step(variableGradients);
  // The target follows slowly.
  target.trainableWeights.forEach((weight, index) => {
    ops.assign(weight, ops.add(ops.multiply(weight, 1 - tau), ops.multiply(weights[index], tau)));
  });
  return value;
});

const memory = {
  states: new Float32Array(memorySize * 4),
  actions: new Float32Array(memorySize * 2),
  ends: new Float32Array(memorySize),
  after: new Float32Array(memorySize * 4),
};
let remembered = 0;

function remember(state, action, fallen, after) {
  const at = remembered++ % memorySize;
  memory.states.set(state, at * 4);
  memory.actions.set(action === 0 ? [1, 0] : [0, 1], at * 2);
  memory.ends[at] = fallen ? 1 : 0;
  memory.after.set(after, at * 4);
}

/** A batch of what is remembered, drawn at random. */
function recall() {
  const rows = Array.from({ length: batchSize }, () => Math.floor(random() * Math.min(remembered, memorySize)));
  return Object.values(memory).map((data) => {
    const width = data.length / memorySize;
    const batch = new Float32Array(batchSize * width);
    rows.forEach((row, index) => {
      batch.set(data.subarray(row * width, (row + 1) * width), index * width);
    });
    return tensor(batch, width === 1 ? [batchSize] : [batchSize, width]);
  });
}

function bestAction(state) {
  const [left, right] = online.predict([state]).data;
  return right > left ? 1 : 0;
}

const started = performance.now();
const lengths = [];
let steps = 0;
for (let episode = 1; episode <= Number(options.episodes); episode++) {
  let state = start();
  let length = 0;
  for (let fallen = false; !fallen && length < longest; length++) {
    const exploring = Math.max(0.02, 1 - steps / 5000);
    const action = random() < exploring ? Math.floor(random() * 2) : bestAction(state);
    const next = push(state, action);
    fallen = next.fallen;
    remember(state, action, fallen, next.state);
    state = next.state;
    steps++;
    if (remembered < 500) continue;
    learn(...recall());
  }
  lengths.push(length);
  const recent = lengths.slice(-100);
  const average = recent.reduce((sum, each) => sum + each, 0) / recent.length;
  if (episode % 25 !== 0) continue;
  const tried = trial(20);
  console.log(
    `episode ${episode}: ${average.toFixed(0)} steps on average of the last ${recent.length}, ${tried.toFixed(0)} without exploring`,
  );
  if (tried === longest) {
    console.log(`solved: 20 times the pole stood for all ${longest} steps`);
    break;
  }
}
console.log(`${steps} steps in ${((performance.now() - started) / 1000).toFixed(1)} s`);

/** Steps on average of so many episodes in which nothing is tried out or learned. */
function trial(count) {
  let total = 0;
  for (let episode = 0; episode < count; episode++) {
    let state = start();
    for (let [fallen, length] = [false, 0]; !fallen && length < longest; length++) {
      ({ state, fallen } = push(state, bestAction(state)));
      total++;
    }
  }
  return total / count;
}

/** Numbers in [0, 1) that are a function of the seed: xorshift (Marsaglia, 2003). */
function generator(from) {
  let state = (Math.imul(from, 2654435761) ^ 0x9e3779b9) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
