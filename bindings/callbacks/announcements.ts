// What do callbacks say about what they do?

import { check, show } from "../errors.ts";
import type { OptionRule } from "../optionRules.ts";
import { terminal } from "../platform/terminal.ts";

/** Options of callbacks that act. */
export interface AnnouncementOptions {
  /** 1: a line in the terminal or console for what is done. Default 0: nothing. */
  readonly verbose?: 0 | 1;
}

/** The rule of `verbose`. */
export function verboseRule(): OptionRule<0 | 1> {
  return {
    initial: 0,
    check: (where, value) =>
      check(value === 0 || value === 1, "option", () => ({ where, expected: "0 or 1", received: show(value) })),
  };
}

/** Says something about an epoch (from 0) when `verbose` is 1; `within` it a bar may stand in the last line. */
export function announcer(verbose: 0 | 1): (epoch: number, text: string, within?: boolean) => void {
  return (epoch, text, within = false) => {
    if (verbose === 0) return;
    const { interactive, write } = terminal();
    write(`${within && interactive ? "\n" : ""}Epoch ${epoch + 1}: ${text}\n`);
  };
}
