// How do the logs of all epochs become a table?

import { checkOptionsObject } from "../config.ts";
import { flag, settle } from "../optionRules.ts";
import { appendToFile, fileExists, readFile } from "../platform/files.ts";
import type { Callback } from "./callback.ts";
import { checkPath, writeIntoFolder } from "./destination.ts";

/** Options of {@link csvLogger}. */
export interface CsvLoggerOptions {
  /** Path of the file. */
  readonly path: string;
  /** Between cells. Default ",". */
  readonly separator?: string;
  /** Go on with a file that is there, and with its columns. Default false: it is replaced when training begins. */
  readonly append?: boolean;
}

/**
 * Adds a row with the numbers of each epoch to a file; a number that an epoch has not is an empty cell.
 * @throws {TensorError} `option`; `data` when the file cannot be written; `unsupported` without a file system.
 */
export function csvLogger(options: CsvLoggerOptions): Callback {
  const where = "csvLogger";
  checkOptionsObject(where, options);
  const { path, separator = ",", ...rest } = options;
  checkPath(`${where}.path`, path);
  checkPath(`${where}.separator`, separator, "text");
  const { append } = settle<{ readonly append: boolean }>(where, rest, { append: flag(false) });
  let names: readonly string[] | undefined;
  const add = (cells: readonly (string | number)[]): string => `${cells.join(separator)}\n`;
  /** What a process that died has left of its last row. */
  let torn = false;
  return {
    onTrainBegin: async () => {
      const text = append && (await fileExists(path)) ? new TextDecoder().decode(await readFile(path)) : "";
      [names, torn] = [
        text === "" ? undefined : text.split("\n", 1)[0]?.split(separator).slice(1),
        !/(^|\n)$/.test(text),
      ];
      if (text === "") await writeIntoFolder(path, new Uint8Array());
    },
    onEpochEnd: async (epoch, logs) => {
      let text = torn ? "\n" : "";
      if (names === undefined) {
        names = Object.keys(logs);
        text += add(["epoch", ...names]);
      }
      text += add([epoch, ...names.map((name) => logs[name] ?? "")]);
      torn = false;
      await appendToFile(path, new TextEncoder().encode(text));
    },
  };
}
