// Does every export say what it is?

import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";

const folder = resolve(import.meta.dirname, "../../bindings");
const files = readdirSync(folder, { recursive: true }).filter((path) => String(path).endsWith(".ts")) as string[];

/** Exports that no comment stands above; of overloads the first counts. */
function silent(path: string): string[] {
  const lines = readFileSync(join(folder, path), "utf8").split("\n");
  let last = "";
  return lines.flatMap((line, index) => {
    const name = /^export (?:async )?(?:interface|type|class|function|const|let) (\w+)/.exec(line)?.[1];
    if (name === undefined) return [];
    const overload = name === last;
    last = name;
    const above = lines[lines[index - 1]?.includes("@__NO_SIDE_EFFECTS__") === true ? index - 2 : index - 1];
    return overload || above?.endsWith("*/") === true ? [] : [`${path}: ${name}`];
  });
}

// The API reference would show the comment of an interface that another one extends, in its place.
it("every export has a comment of its own", () => {
  expect(files.length).toBeGreaterThan(200);
  expect(files.flatMap(silent)).toEqual([]);
});
