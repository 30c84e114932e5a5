// What do the samples say? Medians with quartiles: a table for people, JSON lines for programs, RESULTS.md for readers.

import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { arch, cpus, platform, totalmem } from "node:os";

/**
 * @typedef {object} Beside
 * @property {string} metric @property {string} title @property {number} value @property {string} unit
 *
 * @typedef {object} Row
 * @property {string} case
 * @property {string} engine
 * @property {number[]} samples
 * @property {Beside[]} beside
 *
 * @typedef {object} Failure
 * @property {string} case @property {string} engine @property {string} reason
 *
 * @typedef {object} SuiteReport
 * @property {string} name
 * @property {string} title
 * @property {string} metric
 * @property {Readonly<Record<string, string>>} metrics Of cases that measure something else than `metric`.
 * @property {string} unit
 * @property {"higher" | "lower"} better
 * @property {Row[]} rows
 * @property {Failure[]} failures
 * @property {Failure[]} inabilities What a library has not got.
 * @property {string[]} notes
 */

/** @param {number[]} values */
export function median(values) {
  return quantile(values, 0.5);
}

/** The `fraction` quantile, interpolated between neighbours. */
export function quantile(values, fraction) {
  const sorted = [...values].sort((a, b) => a - b);
  const position = (sorted.length - 1) * fraction;
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position - Math.floor(position));
}

/**
 * The table of a suite: a head and its rows, all text.
 *
 * @param {SuiteReport} report
 */
export function tableOf({ unit, better, rows }) {
  const titles = rows[0]?.beside.map(({ title }) => title) ?? [];
  const spread = rows.some(({ samples }) => samples.length > 1);
  const against = rows.some(({ engine }) => engine === "wasmgrad");
  const head = [
    "case",
    "engine",
    unit,
    ...(spread ? ["quartiles"] : []),
    ...titles,
    ...(against ? ["wasmgrad is"] : []),
  ];
  const body = rows.map((row) => {
    const own = rows.find((other) => other.case === row.case && other.engine === "wasmgrad");
    return [
      row.case,
      row.engine,
      figure(median(row.samples)),
      ...(spread ? [quartiles(row.samples)] : []),
      ...row.beside.map(({ value }) => `${(value * 100).toFixed(1)} %`),
      ...(against ? [own === undefined || own === row ? "" : comparison(own, row, unit, better)] : []),
    ];
  });
  return { head, body };
}

function quartiles(samples) {
  if (samples.length < 3) return samples.length === 1 ? "measured once" : "measured twice";
  return `${figure(quantile(samples, 0.25))} – ${figure(quantile(samples, 0.75))}`;
}

function comparison(own, other, unit, better) {
  const ratio =
    better === "higher" ? median(own.samples) / median(other.samples) : median(other.samples) / median(own.samples);
  const [good, bad] = unit === "bytes" ? ["smaller", "larger"] : ["faster", "slower"];
  return ratio >= 1 ? `${ratio.toFixed(2)}× ${good}` : `${(1 / ratio).toFixed(2)}× ${bad}`;
}

function figure(value) {
  if (Number.isNaN(value)) return "–";
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
}

/** Prints the table of a suite. @param {SuiteReport} report @param {(text: string) => void} say */
export function printReport(report, say) {
  const { head, body } = tableOf(report);
  const widths = head.map((title, column) => Math.max(title.length, ...body.map((cells) => cells[column].length)));
  const line = (cells) =>
    cells.map((cell, column) => (column < 2 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join("  ");
  say(`\n${report.name}: ${report.title}; ${report.better} is better`);
  if (body.length > 0) say(line(head));
  body.forEach((cells, index) => {
    const again = body[index - 1]?.[0] === cells[0];
    say(line([again ? "" : cells[0], ...cells.slice(1)]).trimEnd());
  });
  for (const { case: name, engine, reason } of report.failures) say(`FAILED ${name}, ${engine}: ${reason}`);
  for (const line of inabilityLines(report)) say(line);
  for (const note of report.notes) say(note);
}

/** One line for all that an engine cannot do for the same reason. @param {SuiteReport} report */
function inabilityLines({ inabilities }) {
  const cases = new Map();
  for (const { case: name, engine, reason } of inabilities) {
    const key = JSON.stringify([engine, reason]);
    cases.set(key, [...(cases.get(key) ?? []), name]);
  }
  return [...cases].map(([key, names]) => {
    const [engine, reason] = JSON.parse(key);
    return `${engine} cannot ${names.join(", ")}: ${reason}`;
  });
}

/** Starts the file of JSON lines. @param {string} path */
export function beginJson(path) {
  writeFileSync(path, "");
}

/** Appends one object a line. @param {string} path @param {SuiteReport} report @param {number} threads */
export function appendJson(path, report, threads) {
  for (const row of report.rows) {
    const metric = report.metrics[row.case] ?? report.metric;
    const values = [{ metric, value: median(row.samples), unit: report.unit }, ...row.beside];
    for (const each of values) {
      const { value, unit } = each;
      const line = {
        suite: report.name,
        case: row.case,
        engine: row.engine,
        threads,
        metric: each.metric,
        value,
        unit,
      };
      appendFileSync(path, `${JSON.stringify(line)}\n`);
    }
  }
}

const heading = `# Results

Written by \`npm run bench -- … --write\`; do not edit. Medians with quartiles, measured in turns; the last column compares
wasmgrad with the engine of the row. Each suite says when and where it was measured.
`;

/**
 * Writes the suites of this run into RESULTS.md, in place of what stood there of the same suites.
 *
 * @param {URL} path
 * @param {SuiteReport[]} reports
 * @param {{ threads: number, quick: boolean, peakGflops: number | null, versions: [string, string][], command: string }} run
 */
export function writeResults(path, reports, run) {
  const sections = new Map();
  for (const section of existsSync(path)
    ? readFileSync(path, "utf8")
        .split(/^(?=## )/m)
        .slice(1)
    : [])
    sections.set(section.slice(3, section.indexOf("\n")), section.trimEnd());
  for (const report of reports) sections.set(report.name, sectionOf(report, run));
  writeFileSync(path, `${[heading.trimEnd(), ...sections.values()].join("\n\n")}\n`);
}

/** @param {SuiteReport} report */
function sectionOf(report, { threads, quick, peakGflops, versions, command }) {
  const { head, body } = tableOf(report);
  const row = (cells) => `| ${cells.join(" | ")} |`;
  const lines = [`## ${report.name}`, "", `${report.title}; ${report.better} is better.`];
  if (body.length > 0) {
    const rule = head.map((_, column) => (column < 2 ? "---" : "---:"));
    lines.push("", row(head), row(rule), ...body.map(row));
  }
  for (const { case: name, engine, reason } of report.failures)
    lines.push("", `Failed: ${name}, ${engine}: ${reason.split("\n")[0]}`);
  for (const line of inabilityLines(report)) lines.push("", line);
  for (const note of report.notes) lines.push("", note);
  const machine = `${cpus()[0]?.model.trim() ?? "unknown CPU"}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${platform()} ${arch()}`;
  const peak = peakGflops === null ? "" : ` 128-bit SIMD peak, one thread: ${peakGflops.toFixed(1)} GFLOP/s.`;
  const used = versions.map(([engine, version]) => `${engine} ${version}`).join(", ");
  lines.push(
    "",
    `${new Date().toISOString().slice(0, 10)}, \`${command}\`: ${machine}; Node ${process.versions.node}; threads: ${threads}${quick ? "; quick run" : ""}.${peak} Engines: ${used}.`,
  );
  return lines.join("\n");
}
