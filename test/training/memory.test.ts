// Does memory stay where it is when models, epochs and operations come and go?

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const script = fileURLToPath(new URL("./memory.script.mjs", import.meta.url));

interface Usage {
  readonly fewModels: number;
  readonly manyModels: number;
  readonly epochs: readonly number[];
  readonly beforeOps: number;
  readonly afterOps: number;
}

test("200 models, 10 epochs and 42,000 operations leave WebAssembly memory bounded", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", script]);
  const usage = JSON.parse(stdout) as Usage;
  const oneModel = 4 * 4 * (100 * 200 + 200 + 200 * 10 + 10);
  expect(usage.manyModels - usage.fewModels).toBeLessThan(3 * oneModel);
  expect(new Set(usage.epochs).size, "the same after every epoch").toBe(1);
  expect(usage.afterOps - usage.beforeOps).toBeLessThan(500_000);
});
