// What does a person see while a model trains?

import { type Terminal, terminal } from "../platform/terminal.ts";
import type { Callback, Logs, Progress } from "./callback.ts";

/** 0: nothing. 1: a bar in a terminal, else a line an epoch. 2: a line an epoch. `"auto"`: 1. */
export type Verbosity = "auto" | 0 | 1 | 2;

const barWidth = 24;
const redrawMilliseconds = 80;

/** Draws the progress of `fit` for the given verbosity. */
export function progressBar(verbosity: Verbosity, out: Terminal = terminal()): Callback {
  if (verbosity === 0) return {};
  const interactive = verbosity !== 2 && out.interactive;
  let epochs = 0;
  let steps: number | undefined;
  let epochStarted = 0;
  let drawn = 0;
  let trained = 0;
  let done = 0;
  /** Whether a bar stands in the last line, which no line break ends yet. */
  let open = false;
  return {
    onTrainBegin: (info) => {
      epochs = info.epochs;
      steps = info.steps;
    },
    onEpochBegin: (epoch) => {
      epochStarted = performance.now();
      [trained, done] = [0, 0];
      if (interactive) out.write(`Epoch ${epoch + 1}/${epochs}\n`);
    },
    onProgress: (progress) => {
      const now = performance.now();
      if (progress.mode === "train") [trained, done] = [now - epochStarted, progress.done];
      if (
        !interactive ||
        progress.mode !== "train" ||
        (now - drawn < redrawMilliseconds && progress.done !== progress.total)
      )
        return;
      drawn = now;
      open = true;
      out.write(fitWidth(`\r${barLine(progress, trained)}`, out.columns));
    },
    onEpochEnd: (epoch, logs) => {
      const taken = done > 0 ? done : (steps ?? 0);
      const rate = trained > 0 ? `${formatRate((taken / trained) * 1000)} steps/s` : "";
      const seconds = formatSeconds((performance.now() - epochStarted) / 1000);
      open = false;
      const summary = [seconds, rate, formatLogs(logs)].filter((part) => part !== "").join(" - ");
      // The last line of an epoch stays: it may wrap, but nothing of it is cut.
      if (interactive) out.write(`\r${`${count(taken, taken)} ${bar(1)} ${summary}`.padEnd(lineWidth(out.columns))}\n`);
      else out.write(`Epoch ${epoch + 1}/${epochs} - ${taken} steps - ${summary}\n`);
    },
    // Training that was stopped within an epoch.
    onTrainEnd: () => {
      if (open) out.write("\n");
    },
  };
}

function barLine(progress: Progress, elapsed: number): string {
  const { done, total } = progress;
  const rate = elapsed > 0 ? `${formatRate((done / elapsed) * 1000)} steps/s` : "";
  if (total === undefined)
    return `${done} steps - ${formatSeconds(elapsed / 1000)} - ${rate} - ${formatLogs(progress.logs())}`;
  const left = done === 0 ? 0 : (elapsed / done) * (total - done);
  return `${count(done, total)} ${bar(done / total)} ${formatSeconds(left / 1000)} left - ${rate} - ${formatLogs(progress.logs())}`;
}

function count(done: number, total: number): string {
  return `${String(done).padStart(String(total).length)}/${total}`;
}

function bar(share: number): string {
  const filled = Math.round(share * barWidth);
  return `${"━".repeat(filled)}${"─".repeat(barWidth - filled)}`;
}

/** Cuts a line to the width of the terminal, and blanks what an earlier, longer one left. */
function fitWidth(line: string, columns: number): string {
  const width = lineWidth(columns) + 1;
  return line.length > width ? line.slice(0, width) : line.padEnd(width);
}

/** Characters of a line that surely does not wrap. */
function lineWidth(columns: number): number {
  return Math.max(20, columns - 1);
}

function formatLogs(logs: Logs): string {
  return Object.entries(logs)
    .map(([name, value]) => `${name}: ${formatNumber(value)}`)
    .join(" - ");
}

/** Four digits behind the point, or scientific where that would show nothing. */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(4) : value.toFixed(4);
}

function formatRate(rate: number): string {
  return rate >= 100 ? rate.toFixed(0) : rate.toPrecision(3);
}

function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)}s`;
  return `${Math.floor(seconds / 60)}m ${String(Math.floor(seconds % 60)).padStart(2, "0")}s`;
}
