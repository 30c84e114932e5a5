// Which number of the logs decides, and when is it better than before?

import { check, show } from "../errors.ts";
import { number, type OptionRules, oneOf } from "../optionRules.ts";
import type { Logs } from "./callback.ts";

/** Options of callbacks that watch one number of the logs. */
export interface MonitorOptions {
  /** Its name: `"loss"`, `"valAccuracy"` … Default `"valLoss"`. */
  readonly monitor?: string;
  /** Whether less is better, or more. Default `"auto"`: by the name. */
  readonly mode?: "auto" | "min" | "max";
  /** Changes that are not larger do not count; ≥ 0. Default 0; 1e-4 for `reduceLROnPlateau`. */
  readonly minDelta?: number;
}

/** Watches one number. */
export interface Monitor {
  /** The number in these logs. @throws {TensorError} `option` when there is none of its name. */
  read(logs: Logs): number;
  /** Whether `value` is better than `than` by more than minDelta. */
  better(value: number, than: number): boolean;
  /** Worse than all numbers. */
  readonly worst: number;
}

/** Rules of {@link MonitorOptions}. */
export function monitorRules(minDelta = 0): OptionRules<Required<MonitorOptions>> {
  return {
    monitor: { initial: "valLoss", check: checkName },
    mode: oneOf("auto", ["auto", "min", "max"]),
    minDelta: number(minDelta, 0),
  };
}

/** @throws {TensorError} `option` when the name does not tell whether more is better. */
export function monitorOf(where: string, { monitor, mode, minDelta }: Required<MonitorOptions>): Monitor {
  const rises = mode === "auto" ? moreIsBetter(where, monitor) : mode === "max";
  const sign = rises ? 1 : -1;
  return {
    worst: -sign * Number.POSITIVE_INFINITY,
    better: (value, than) => sign * (value - than) > minDelta || (Number.isNaN(than) && !Number.isNaN(value)),
    read: (logs) => {
      const value = logs[monitor];
      check(value !== undefined, "option", () => ({
        where: `${where}.monitor`,
        expected: `one of ${Object.keys(logs).join(", ")}`,
        received: show(monitor),
        ...(monitor.startsWith("val") ? { remedy: "Give fit validationData, or watch a number without val." } : {}),
      }));
      return value;
    },
  };
}

const rising =
  /accuracy|precision|recall|sensitivity|specificity|auc|f1|fbeta|iou|r2|score|correlation|similarity|truepositives|truenegatives/;
const falling = /loss|error|entropy|divergence|hinge|poisson|cosh|mse|mae|mape|msle|rmse|falsepositives|falsenegatives/;

function moreIsBetter(where: string, monitor: string): boolean {
  const name = monitor.toLowerCase();
  if (falling.test(name)) return false;
  check(rising.test(name), "option", () => ({
    where: `${where}.mode`,
    expected: '"min" or "max"',
    received: `"auto", which does not know whether more ${monitor} is better`,
  }));
  return true;
}

function checkName(where: string, value: unknown): void {
  check(typeof value === "string" && value !== "", "option", () => ({
    where,
    expected: "the name of a number in the logs",
    received: show(value),
  }));
}
