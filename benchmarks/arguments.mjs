// What did the command line ask for? Unknown words are errors that list the known ones.

export const suites = ["gemm", "conv", "mlp", "cnn", "mobilenet", "infer", "threads", "size", "cold"];
export const peers = [
  "wasmgrad-relaxed",
  "tfjs-wasm",
  "tfjs-cpu",
  "jax-js",
  "onnxruntime-web",
  "onnxruntime-node",
  "torch",
];

export const help = `npm run bench -- <suite…> [options]

Suites
  gemm       matrix products: GFLOP/s and the fraction of the 128-bit SIMD peak measured in the same run
  conv       convolutions, forward and both gradients: GFLOP/s and the fraction of the same peak
  mlp        training 784-128-64-10 on MNIST: seconds an epoch of 60,000 images at batch 32 and 128
  infer      predict of that network at batch 1 and 32, and of the one of cnn at batch 1: microseconds a call
  cnn        a training step of a small convolutional network at batch 128: milliseconds
  mobilenet  one picture through MobileNet 1 and 2, a training step of MobileNetV2: milliseconds
  threads    how many times faster several threads are than one, alone and beside a busy process (2 unless --threads says)
  size       a script that builds, trains and evaluates it: bytes, minified, gzip -9, Wasm included
  cold       process start to first prediction, over an empty Node process: milliseconds
  all        all of them

Options
  --threads N      threads of every engine that has threads (default 1)
  --peers a,b|none who is measured beside wasmgrad: ${peers.join(", ")}
                   (default: all that the suite fits, except tfjs-cpu, which is slow)
  --only-peers     leaves wasmgrad out
  --cases a,b      only these cases of the suites, for example 512x512x512,batch32
  --quick          shorter measurements; mlp trains on 6,400 images and scales the time by its steps
  --json FILE      writes {suite, case, engine, threads, metric, value, unit}, one object a line
  --write          writes benchmarks/RESULTS.md from this run
  --help           this text

Peers are installed into benchmarks/node_modules on first use; torch is Debian's python3-torch with libopenblas0.`;

/**
 * @typedef {object} Request
 * @property {string[]} suites
 * @property {number} threads
 * @property {string[] | null} peers null: those that fit
 * @property {string[] | null} cases null: all
 * @property {boolean} onlyPeers
 * @property {boolean} quick
 * @property {string | null} json
 * @property {boolean} write
 * @property {boolean} help
 */

/**
 * @param {string[]} words
 * @returns {Request}
 * @throws {ArgumentError}
 */
export function readArguments(words) {
  /** @type {Request} */
  const request = {
    suites: [],
    threads: 1,
    peers: null,
    cases: null,
    onlyPeers: false,
    quick: false,
    json: null,
    write: false,
    help: false,
  };
  /** @type {Record<string, (value: () => string) => void>} */
  const options = {
    "--threads": (value) => {
      request.threads = threadCount(value());
    },
    "--peers": (value) => {
      request.peers = peerList(value());
    },
    "--cases": (value) => {
      request.cases = value().split(",");
    },
    "--json": (value) => {
      request.json = value();
    },
    "--only-peers": () => {
      request.onlyPeers = true;
    },
    "--quick": () => {
      request.quick = true;
    },
    "--write": () => {
      request.write = true;
    },
    "--help": () => {
      request.help = true;
    },
  };
  const rest = words.flatMap((word) => {
    const [, option, value] = /^(--[^=]+)=(.*)$/s.exec(word) ?? [];
    return option === undefined ? [word] : [option, /** @type {string} */ (value)];
  });
  while (rest.length > 0) {
    const word = /** @type {string} */ (rest.shift());
    if (!word.startsWith("-")) {
      request.suites.push(...suiteList(word));
      continue;
    }
    const option = options[word];
    if (option === undefined) throw unknown("option", word, Object.keys(options));
    option(() => {
      const value = rest.shift();
      if (value === undefined || value.startsWith("--")) throw new ArgumentError(`${word}: expected a value after it.`);
      return value;
    });
  }
  if (!request.help && request.suites.length === 0)
    throw new ArgumentError(`expected the name of a suite (${suites.join(", ")}, all), received none.`);
  request.suites = [...new Set(request.suites)];
  return request;
}

export class ArgumentError extends Error {}

function suiteList(word) {
  if (word === "all") return suites;
  if (!suites.includes(word)) throw unknown("suite", word, [...suites, "all"]);
  return [word];
}

function peerList(value) {
  if (value === "none") return [];
  const names = value.split(",").filter((name) => name !== "" && name !== "wasmgrad");
  for (const name of names) if (!peers.includes(name)) throw unknown("peer", name, [...peers, "none"]);
  return [...new Set(names)];
}

function threadCount(value) {
  const threads = Number(value);
  if (!Number.isInteger(threads) || threads < 1 || threads > 256)
    throw new ArgumentError(`--threads: expected a whole number from 1 to 256, received ${JSON.stringify(value)}.`);
  return threads;
}

function unknown(kind, name, known) {
  return new ArgumentError(`unknown ${kind} ${JSON.stringify(name)}; known: ${known.join(", ")}.`);
}
