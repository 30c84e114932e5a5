// Are learning rates those of Keras, step by step?

import { expect } from "vitest";
import type { Config } from "../../bindings/config.ts";
import { scheduleFromConfig } from "../../bindings/schedules.ts";
import { loadCases, runCases } from "./fixture.ts";

interface Case {
  readonly id: string;
  readonly className: string;
  readonly config: Config;
  readonly steps: readonly number[];
  readonly values: readonly number[];
}

const tolerance = 1e-6;

runCases("schedules", loadCases<Case>("schedules"), ({ className, config, steps, values }) => {
  const schedule = scheduleFromConfig(className, config);
  const again = scheduleFromConfig(schedule.className, schedule.config);
  steps.forEach((step, index) => {
    const wanted = values[index] as number;
    const rate = schedule.at(step);
    expect(Math.abs(rate - wanted), `step ${step}: ${rate}, ${wanted}`).toBeLessThanOrEqual(tolerance * (1 + wanted));
    expect(again.at(step)).toBe(rate);
  });
});
