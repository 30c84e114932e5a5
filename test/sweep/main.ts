// The random sweep: every op, layer, loss, metric and optimizer on random cases, against float64.
//
//   npm run test:sweep -- --seconds 60 --seed 7 [--only conv,matMul] [--kind op] [--quiet] [--first]
//
// Subjects take turns until the time is up, or with --first a failure is found. It shrinks to a line for test/sweep/found.test.ts.

import fc from "fast-check";
import { generator, seedOf } from "../harness/random.ts";
import { takeNearest } from "./compare.ts";
import type { Subject, Tally } from "./subject.ts";
import { subjects } from "./subjects.ts";

interface Arguments {
  readonly seconds: number;
  readonly seed: number;
  readonly only: readonly string[];
  readonly kind: string | undefined;
  readonly quiet: boolean;
  /** Whether the first failure ends it. */
  readonly first: boolean;
}

const casesPerTurn = 8;
const shrinkingSeconds = 10;
/** Failures of one subject that are printed; after them it rests. */
const failuresPerSubject = 3;

function parse(words: readonly string[]): Arguments {
  const options = new Map<string, string>();
  for (let index = 0; index < words.length; index++) {
    const word = words[index] as string;
    if (word === "--quiet" || word === "--first") options.set(word, "");
    else if (["--seconds", "--seed", "--only", "--kind"].includes(word)) options.set(word, words[++index] ?? "");
    else
      throw new Error(
        `unknown argument ${word}: --seconds N --seed S [--only NAME,NAME] [--kind KIND] [--quiet] [--first]`,
      );
  }
  const number = (name: string, otherwise: number): number => {
    const value = Number(options.get(name) ?? otherwise);
    if (!(value >= 0)) throw new Error(`${name} takes a number ≥ 0, not ${options.get(name)}`);
    return value;
  };
  return {
    seconds: number("--seconds", 60),
    seed: number("--seed", Math.floor(Math.random() * 2 ** 31)),
    only: (options.get("--only") ?? "").split(",").filter((name) => name !== ""),
    kind: options.get("--kind"),
    quiet: options.has("--quiet"),
    first: options.has("--first"),
  };
}

interface Row {
  readonly subject: Subject;
  readonly tally: Tally;
  readonly failures: Set<string>;
  /** The greatest share of its bound that a result was off. */
  nearest: number;
  milliseconds: number;
}

async function main(): Promise<void> {
  const { seconds, seed, only, kind, quiet, first } = parse(process.argv.slice(2));
  // A name stands for its variants too: conv for "conv, bias and relu".
  const meant = (each: Subject, name: string): boolean => each.name === name || each.name.startsWith(`${name}, `);
  const unknown = only.filter((name) => !subjects.some((each) => meant(each, name)));
  if (unknown.length > 0) throw new Error(`no subject is called ${unknown.join(", ")}`);
  const rows = subjects
    .filter(
      (each) =>
        (only.length === 0 || only.some((name) => meant(each, name))) && (kind === undefined || each.kind === kind),
    )
    .map(
      (each): Row => ({
        subject: each,
        tally: { cases: 0, gradients: 0, refused: 0 },
        failures: new Set(),
        nearest: 0,
        milliseconds: 0,
      }),
    );
  console.log(`sweep: ${rows.length} subjects, ${seconds} s, --seed ${seed}`);
  shuffle(rows, generator(seed));
  const end = performance.now() + seconds * 1000;
  const goesOn = (): boolean => performance.now() < end && !(first && rows.some(({ failures }) => failures.size > 0));
  for (let turn = 0; goesOn(); turn++)
    for (const row of rows) {
      if (!goesOn()) break;
      if (row.failures.size < failuresPerSubject) await takeTurn(row, seedOf(`${seed} ${turn} ${row.subject.name}`));
    }
  if (!quiet) printTable(rows);
  const cases = rows.reduce((sum, { tally }) => sum + tally.cases, 0);
  const failed = rows.reduce((sum, { failures }) => sum + failures.size, 0);
  console.log(`sweep: ${cases} passed, ${failed} failed`);
  process.exitCode = failed > 0 || cases === 0 ? 1 : 0;
}

async function takeTurn(row: Row, seed: number): Promise<void> {
  const { subject, tally, failures } = row;
  const began = performance.now();
  const details = await fc.check(
    fc.asyncProperty(subject.cases, async (given) => subject.check(given, tally)),
    { numRuns: casesPerTurn, seed, interruptAfterTimeLimit: shrinkingSeconds * 1000, includeErrorInReport: false },
  );
  row.milliseconds += performance.now() - began;
  row.nearest = Math.max(row.nearest, takeNearest());
  if (!details.failed || details.counterexample === null) return;
  const [given] = details.counterexample;
  const error = details.errorInstance;
  const name = subject.kind === "op" ? subject.name : `${subject.kind} ${subject.name}`;
  const text = `sweepCase(${JSON.stringify(name)}, ${fc.stringify(given)}); // ${messageOf(error)}`;
  failures.add(text);
  console.log(text);
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const place = (error.stack ?? "")
    .split("\n")
    .find((line) => /^\s+at /.test(line) && !/compare\.ts|expect/.test(line));
  return `${error.message}${error.constructor === Error ? "" : ` (${error.constructor.name}${place ?? ""})`}`.replaceAll(
    "\n",
    " ",
  );
}

function shuffle<T>(list: T[], next: () => number): void {
  for (let index = list.length - 1; index > 0; index--) {
    const other = Math.floor(next() * (index + 1));
    [list[index], list[other]] = [list[other] as T, list[index] as T];
  }
}

function printTable(rows: readonly Row[]): void {
  console.log(
    `${"subject".padEnd(44)}${"cases".padStart(8)}${"gradients".padStart(11)}${"refused".padStart(9)}${"nearest".padStart(9)}${"ms".padStart(8)}`,
  );
  const byName = [...rows].sort((a, b) =>
    `${a.subject.kind} ${a.subject.name}`.localeCompare(`${b.subject.kind} ${b.subject.name}`),
  );
  for (const { subject, tally, failures, nearest, milliseconds } of byName)
    console.log(
      `${`${subject.kind} ${subject.name}`.padEnd(44)}${String(tally.cases).padStart(8)}${String(tally.gradients).padStart(11)}${String(tally.refused).padStart(9)}${Math.min(nearest, 99).toFixed(2).padStart(9)}${(milliseconds / Math.max(1, tally.cases)).toFixed(1).padStart(8)}${failures.size > 0 ? `  ${failures.size} FAILED` : ""}`,
    );
}

await main();
