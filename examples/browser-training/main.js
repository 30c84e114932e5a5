// How does a page train a network without being slowed down by it?

import { layers, sequential, tensor } from "wasmgrad";
import { modelInWorker } from "wasmgrad/worker";
import { createChart } from "./chart.js";
import { loadDigits } from "./digits.js";
import { createPad } from "./pad.js";

const element = (id) => document.getElementById(id);
const percent = (share, digits = 0) => `${(share * 100).toFixed(digits)} %`;
const charts = {
  loss: createChart(element("loss"), { format: (value) => `${Number(value.toPrecision(2))}` }),
  accuracy: createChart(element("accuracy"), { top: 1, format: (value) => percent(value) }),
};
const say = (text) => {
  element("status").textContent = text;
};

let digits;
let network;
let epochsDone = 0;
let stopper;

// The network ---------------------------------------------------------------------------------------------------------

/** A new network, in a worker of its own. */
async function newNetwork() {
  network?.stop();
  const model = sequential([
    layers.rescaling({ scale: 1 / 255, inputShape: [28, 28], inputDtype: "uint8" }),
    layers.flatten(),
    layers.dense({ units: 128, activation: "relu" }),
    layers.dense({ units: 64, activation: "relu" }),
    layers.dense({ units: 10, activation: "softmax" }),
  ]);
  model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  network = await modelInWorker(model);
  epochsDone = 0;
  for (const chart of Object.values(charts)) chart.clear();
  element("test-accuracy").textContent = "–";
  element("rate").textContent = "–";
  element("progress").value = 0;
}

async function train() {
  const { train, test } = digits;
  const epochs = epochsDone + element("epochs").valueAsNumber;
  const batchSize = Number(element("batch-size").value);
  for (const chart of Object.values(charts)) chart.begin(epochsDone, epochs);
  stopper = new AbortController();
  setRunning(true);
  try {
    await network.fit(train.x, train.labels, {
      batchSize,
      initialEpoch: epochsDone,
      epochs,
      validationData: [test.x, test.labels],
      callbacks: [watcher(epochs)],
      signal: stopper.signal,
      verbose: 0,
    });
    say(`Trained for ${epochsDone} epochs.`);
  } catch (error) {
    if (error !== stopper.signal.reason) throw error;
    say("Stopped. Start goes on from here.");
  } finally {
    setRunning(false);
  }
}

/** Draws what the worker reports. */
function watcher(epochs) {
  let [epoch, before, started] = [epochsDone, { done: 0, loss: 0, accuracy: 0 }, performance.now()];
  return {
    onEpochBegin: (number) => {
      [epoch, before, started] = [number, { done: 0, loss: 0, accuracy: 0 }, performance.now()];
      say(`Epoch ${number + 1} of ${epochs}`);
    },
    onProgress: ({ mode, done, total, logs }) => {
      // A point for every fortieth of an epoch.
      if (mode !== "train" || done - before.done < total / 40) return;
      const { loss, accuracy } = logs();
      for (const [name, mean] of Object.entries({ loss, accuracy })) {
        // The mean over the steps since the last point: the logs hold means since the epoch began.
        const recent = (mean * done - before[name] * before.done) / (done - before.done);
        charts[name].add("train", epoch + (done + before.done) / 2 / total, recent);
      }
      before = { done, loss, accuracy };
      element("progress").value = (epoch + done / total) / epochs;
      element("rate").textContent = Math.round((done / (performance.now() - started)) * 1000).toLocaleString("en");
    },
    onEpochEnd: (number, { valLoss, valAccuracy }) => {
      epochsDone = number + 1;
      charts.loss.add("test", epochsDone, valLoss);
      charts.accuracy.add("test", epochsDone, valAccuracy);
      charts.loss.describe(`Loss by epoch: ${valLoss.toFixed(3)} on the test digits after ${epochsDone}`);
      charts.accuracy.describe(`Accuracy by epoch: ${percent(valAccuracy, 1)} on the test digits after ${epochsDone}`);
      element("test-accuracy").textContent = percent(valAccuracy, 2);
      recognize();
    },
  };
}

function setRunning(running) {
  element("start").disabled = running;
  element("stop").disabled = !running;
  element("reset").disabled = running;
}

// The drawing ---------------------------------------------------------------------------------------------------------

const pad = createPad(element("pad"), () => recognize());
const bars = Array.from({ length: 10 }, (_, digit) => {
  const item = document.createElement("li");
  item.innerHTML = `<span>${digit}</span><span class="bar" aria-hidden="true"></span><span>–</span>`;
  element("bars").append(item);
  return item;
});
let recognizing = false;
let again = false;

/** Asks the network what is drawn, also while it trains; at most one question at a time. */
async function recognize() {
  again = true;
  if (recognizing || network === undefined) return;
  recognizing = true;
  try {
    while (again) {
      again = false;
      if (pad.empty) showProbabilities(undefined);
      else showProbabilities((await network.predict(tensor(pad.pixels(), [1, 28, 28]))).data);
    }
  } catch (error) {
    // A new network takes the place of the one that was asked.
    if (error.code !== "state") throw error;
  } finally {
    recognizing = false;
  }
}

function showProbabilities(probabilities) {
  const best = probabilities === undefined ? -1 : probabilities.indexOf(Math.max(...probabilities));
  bars.forEach((item, digit) => {
    const share = probabilities?.[digit] ?? 0;
    item.style.setProperty("--share", share);
    item.classList.toggle("best", digit === best);
    item.lastElementChild.textContent = probabilities === undefined ? "–" : percent(share);
  });
  const sure = percent(probabilities?.[best] ?? 0);
  element("guess").textContent = best < 0 ? "Draw a digit in the black square." : `This is a ${best} (${sure}).`;
}

// The page ------------------------------------------------------------------------------------------------------------

element("controls").addEventListener("submit", (event) => {
  event.preventDefault();
  train();
});
element("stop").addEventListener("click", () => stopper.abort());
element("reset").addEventListener("click", async () => {
  await newNetwork();
  say("A new network, which knows nothing.");
  recognize();
});
element("clear").addEventListener("click", () => {
  pad.clear();
  recognize();
});
element("sample").addEventListener("click", () => {
  const index = Math.floor(Math.random() * digits.test.x.shape[0]);
  pad.show(digits.test.x.slice(index, index + 1).data);
  recognize();
});
addEventListener("unhandledrejection", ({ reason }) => say(`Error: ${reason.message ?? reason}`));

/** Shows how many frames the page draws in a second. */
function countFrames(started = performance.now(), frames = 0) {
  requestAnimationFrame((now) => {
    if (now - started < 1000) return countFrames(started, frames + 1);
    element("frames").textContent = Math.round(((frames + 1) / (now - started)) * 1000);
    countFrames(now, 0);
  });
}
countFrames();

[digits] = await Promise.all([loadDigits(), newNetwork()]);
say("Ready.");
setRunning(false);
element("sample").disabled = false;
