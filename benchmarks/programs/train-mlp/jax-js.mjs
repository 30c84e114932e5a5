// Builds, trains and evaluates the MLP with jax-js: it has no layers and no optimizer, so both are written here.

import { defaultDevice, init, jit, nn, numpy as np, random, valueAndGrad } from "@jax-js/jax";

const batchSize = 32;

export async function trainMlp(train, test) {
  await init("wasm");
  defaultDevice("wasm");
  const parameters = [...dense(784, 128, 1), ...dense(128, 64, 2), ...dense(64, 10, 3)];
  let state = {
    parameters,
    means: parameters.map((array) => np.zeros(array.shape)),
    variances: parameters.map((array) => np.zeros(array.shape)),
    power1: np.array(1),
    power2: np.array(1),
  };
  const gradient = jit(valueAndGrad(batchLoss));
  const update = jit(adam);
  const order = shuffled(train.count);
  for (let begin = 0; begin < train.count; begin += batchSize) {
    const rows = order.slice(begin, begin + batchSize);
    const x = np.array(gather(train.images, rows, 784), { shape: [rows.length, 784] });
    const y = np.array(gather(train.oneHot, rows, 10), { shape: [rows.length, 10] });
    const [loss, gradients] = gradient(
      state.parameters.map((array) => array.ref),
      x,
      y,
    );
    state = update(state, gradients);
    await loss.data();
  }
  const x = np.array(test.images, { shape: [test.count, 784] });
  const y = np.array(test.oneHot, { shape: [test.count, 10] });
  const right = np.equal(np.argmax(logits(state.parameters, x), 1), np.argmax(y, 1)).astype(np.float32);
  return (await np.mean(right).data())[0];
}

function dense(inputs, outputs, seed) {
  const limit = Math.sqrt(6 / (inputs + outputs));
  return [
    random
      .uniform(random.key(seed), [inputs, outputs])
      .sub(0.5)
      .mul(2 * limit),
    np.zeros([outputs]),
  ];
}

function logits([kernel1, bias1, kernel2, bias2, kernel3, bias3], x) {
  const hidden1 = nn.relu(np.matmul(x, kernel1).add(bias1));
  const hidden2 = nn.relu(np.matmul(hidden1, kernel2).add(bias2));
  return np.matmul(hidden2, kernel3).add(bias3);
}

function batchLoss(parameters, x, y) {
  return np.mean(np.sum(nn.logSoftmax(logits(parameters, x), 1).mul(y), 1)).neg();
}

function adam({ parameters, means, variances, power1, power2 }, gradients) {
  const next1 = power1.mul(0.9);
  const next2 = power2.mul(0.999);
  const rate = np.sqrt(np.subtract(1, next2.ref)).div(np.subtract(1, next1.ref)).mul(0.001);
  const nextMeans = means.map((mean, index) => mean.mul(0.9).add(gradients[index].ref.mul(0.1)));
  const nextVariances = variances.map((variance, index) =>
    variance.mul(0.999).add(np.square(gradients[index]).mul(0.001)),
  );
  const nextParameters = parameters.map((array, index) =>
    array.sub(rate.ref.mul(nextMeans[index].ref).div(np.sqrt(nextVariances[index].ref).add(1e-7))),
  );
  rate.dispose();
  return { parameters: nextParameters, means: nextMeans, variances: nextVariances, power1: next1, power2: next2 };
}

function shuffled(count) {
  const order = Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}

function gather(values, rows, width) {
  const copied = new Float32Array(rows.length * width);
  rows.forEach((from, row) => {
    copied.set(values.subarray(from * width, (from + 1) * width), row * width);
  });
  return copied;
}
