// Can every slip of test/mutations still be made, and has every kernel one?

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const script = fileURLToPath(new URL("run.mjs", import.meta.url));
const run = (...args: string[]) => spawnSync(process.execPath, [script, ...args], { encoding: "utf8" });

test("each stands in its file exactly once", () => {
  const { stdout, status } = run("--check");
  expect(stdout).toMatch(/^mutations: \d+ slips stand where their texts are\n$/);
  expect(status).toBe(0);
});

test("a name that no slip has is refused", () => {
  expect(run("--only", "nothing of the kind").status).not.toBe(0);
});
