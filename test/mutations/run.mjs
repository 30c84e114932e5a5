// Does the sweep notice what is wrong? Each slip of slips.mjs is made in a copy of assembly/, which is built and swept.
//
//   npm run test:mutations [-- --only NAME,NAME] [--seconds 60] [--seed S] [--build-only] [--check]
//
// The same sweep, with the same seed, has to pass with the machine as it is: else its failure would show nothing.
//
// NAME is a slip or a file of kernels. A slip whose text stands in its file no longer, or more than once, stops the run
// before anything is built: it has to be anchored anew. With --check that is all that is done.

import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { slips } from "./slips.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const kernels = join(root, "assembly/kernels");
const folder = join(root, "build/mutations");

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
    "build-only": { type: "boolean", default: false },
    check: { type: "boolean", default: false },
  },
});

/** Kernels of which each must have a slip. */
const covered = /^(matMul\w*|reduce|conv\w*|pool\w*|batch\w*|softmax)\.ts$/;

function findProblems() {
  const problems = [];
  for (const { name, file, find, replace } of slips) {
    const count = textOf(file).split(find).length - 1;
    if (count !== 1) problems.push(`${name}: ${file} holds its text ${count} times: ${JSON.stringify(find)}`);
    if (find === replace) problems.push(`${name} changes nothing`);
    if (slips.filter((each) => each.name === name).length > 1) problems.push(`${name} is the name of several`);
  }
  for (const file of readdirSync(kernels).filter((each) => covered.test(each)))
    if (!slips.some((each) => each.file === file)) problems.push(`${file} has no slip`);
  return problems;
}

function textOf(file) {
  try {
    return readFileSync(join(kernels, file), "utf8");
  } catch {
    return "";
  }
}

/** Builds the machine with a slip. @returns its file. */
async function buildWith({ name, file, find, replace }) {
  const place = join(folder, name);
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  cpSync(join(root, "assembly"), join(place, "assembly"), { recursive: true });
  writeFileSync(
    join(place, "assembly/kernels", file),
    textOf(file).replace(find, () => replace),
  );
  const config = JSON.parse(readFileSync(join(root, "asconfig.json"), "utf8"));
  const { release } = config.targets;
  const { textFile: _, ...target } = release;
  const settings = { options: config.options, targets: { release: { ...target, outFile: "slip.wasm" } } };
  writeFileSync(join(place, "asconfig.json"), JSON.stringify(settings));
  const asc = join(root, "node_modules/assemblyscript/bin/asc.js");
  const { status, output } = await run(
    process.execPath,
    [asc, "assembly/index.ts", "--config", "asconfig.json", "--target", "release", "--disableWarning"],
    place,
  );
  if (status !== 0) throw new Error(`${name} does not compile:\n${output}`);
  return join(place, "slip.wasm");
}

function run(command, args, cwd, limit) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (text) => {
        output += text;
      });
    const timer = limit === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), limit);
    child.on("error", reject);
    child.on("close", (status, signal) => {
      clearTimeout(timer);
      resolve({ status, signal, output });
    });
  });
}

/** Whether the sweep fails with the machine, and the first thing that it says. */
async function sweep(only, wasm) {
  const seconds = Number(options.seconds);
  const args = [
    "--seconds",
    String(seconds),
    "--seed",
    options.seed,
    "--only",
    only,
    "--quiet",
    "--first",
    "--wasm",
    wasm,
  ];
  const began = performance.now();
  // A machine that hangs is noticed, too.
  const { status, signal, output } = await run(
    process.execPath,
    [join(root, "test/sweep/run.mjs"), ...args],
    root,
    (seconds + 120) * 1000,
  );
  if (/no subject is called|unknown argument/.test(output)) throw new Error(output.trim());
  const failure = output.split("\n").find((line) => line.startsWith("sweepCase("));
  const said = failure ?? (signal === null ? output.trim().split("\n").at(-1) : `ended by ${signal}`);
  return { noticed: status !== 0, said, seconds: (performance.now() - began) / 1000 };
}

const problems = findProblems();
if (problems.length > 0) {
  console.log(problems.join("\n"));
  console.log(`mutations: 0 noticed, ${problems.length} not to be made`);
  process.exit(1);
}
if (options.check) {
  console.log(`mutations: ${slips.length} slips stand where their texts are`);
  process.exit(0);
}
const wanted = options.only.split(",").filter((name) => name !== "");
const chosen = slips.filter(({ name, file }) => wanted.length === 0 || wanted.includes(name) || wanted.includes(file));
if (chosen.length === 0) throw new Error(`no slip is called ${options.only}`);
console.log(`mutations: ${chosen.length} slips, --seed ${options.seed}`);
/** What the sweep says of the machine as it is, by subjects. */
const controls = new Map();

async function control(only) {
  if (!controls.has(only)) controls.set(only, await sweep(only, join(root, "build/wasmgrad.wasm")));
  return controls.get(only);
}

let [noticed, missed] = [0, 0];
for (const slip of chosen) {
  const wasm = await buildWith(slip);
  if (options["build-only"]) {
    console.log(`${slip.name.padEnd(40)} builds`);
    noticed++;
    continue;
  }
  const without = await control(slip.only);
  const result = without.noticed ? { ...without, seconds: 0 } : await sweep(slip.only, wasm);
  if (result.noticed && !without.noticed) noticed++;
  else missed++;
  const verdict = without.noticed ? "FAILS WITHOUT IT" : result.noticed ? "noticed" : "MISSED";
  const time = `${result.seconds.toFixed(0).padStart(4)} s`;
  console.log(`${slip.name.padEnd(40)} ${verdict.padEnd(16)} ${time}  ${String(result.said).slice(0, 140)}`);
  rmSync(join(folder, slip.name), { recursive: true, force: true });
}
console.log(`mutations: ${noticed} noticed, ${missed} missed`);
process.exit(missed === 0 ? 0 : 1);
