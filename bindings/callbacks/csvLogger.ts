// How do the logs of all epochs become a table?

import { check, show } from "../errors.ts";
import { flag, settle } from "../optionRules.ts";
import { fileExists, readFile, writeFileAtomically } from "../platform/files.ts";
import type { Callback } from "./callback.ts";

export interface CsvLoggerOptions {
  /** Path of the file. */
  readonly path: string;
  /** Between cells. Default ",". */
  readonly separator?: string;
  /** Go on with a file that is there. Default false: it is replaced. */
  readonly append?: boolean;
}

/** Writes a row with the numbers of each epoch; the file is whole after each. @throws {TensorError} `option` or `data`. */
export function csvLogger(options: CsvLoggerOptions): Callback {
  const where = "csvLogger";
  const { path, separator = ",", ...rest } = options;
  for (const [name, value] of Object.entries({ path, separator }))
    check(typeof value === "string" && value !== "", "option", () => ({
      where: `${where}.${name}`,
      expected: "text",
      received: show(value),
    }));
  const { append } = settle<{ readonly append: boolean }>(where, rest, { append: flag(false) });
  let [text, names]: [string, readonly string[]] = ["", []];
  return {
    onTrainBegin: async () => {
      text = append && (await fileExists(path)) ? new TextDecoder().decode(await readFile(path)) : "";
      names = text.split("\n", 1)[0]?.split(separator).slice(1) ?? [];
    },
    onEpochEnd: async (epoch, logs) => {
      if (text === "") {
        names = Object.keys(logs);
        text = `${["epoch", ...names].join(separator)}\n`;
      }
      text += `${[epoch, ...names.map((name) => logs[name] ?? "")].join(separator)}\n`;
      await writeFileAtomically(path, new TextEncoder().encode(text));
    },
  };
}
