// Do the examples of the guides run, and give what is written behind them?

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import * as wasmgrad from "../../bindings/index.ts";

/** Guides whose JavaScript blocks, one after the other, are a program. */
const guides = ["custom-layers-and-loops"];

const library: Readonly<Record<string, unknown>> = { ...wasmgrad };

it.each(guides)("%s", async (name) => {
  const text = readFileSync(fileURLToPath(new URL(`../../docs/${name}.md`, import.meta.url)), "utf8");
  const code = [...text.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, block]) => block as string).join("");
  const imported = [...code.matchAll(/^import \{([^}]*)\} from "wasmgrad";$/gm)].flatMap(([, names]) =>
    (names as string).split(",").map((each) => each.trim()),
  );
  expect(imported.filter((each) => !(each in library))).toEqual([]);
  let checked = 0;
  const promised = (found: unknown, expected: unknown): void => {
    checked++;
    expect(found).toEqual(expected);
  };
  // `expression; // value` becomes a check.
  const program = code
    .replace(/^import .*$/gm, "")
    .replace(/^(?!const|let|for|\s)(.*); \/\/ (\[.*\]|-?[\d.]+|true|false)$/gm, "promised($1, $2);");
  const run = new Function("promised", ...imported, program) as (...values: unknown[]) => void;
  run(promised, ...imported.map((each) => library[each]));
  expect(checked).toBe([...code.matchAll(/; \/\/ (\[|-?\d|true|false)/g)].length);
  expect(checked).toBeGreaterThan(10);
});
