// Does training that is killed go on from its last file as if nothing had happened?

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundleScript, runScript } from "./bundle.ts";

const epochs = 8;
let folder: string;
let script: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wasmgrad-resume-"));
  script = await bundleScript("resume.script", folder);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const train = (name: string, killAfter?: number) =>
  runScript(script, [join(folder, name), `${epochs}`], {
    ...(killAfter === undefined ? {} : { killWhen: (output: string) => output.includes(`epoch ${killAfter}\n`) }),
  });

test("killed twice and resumed, the weights and slots have the same SHA-256 as without interruption", async () => {
  const whole = (await train("whole.safetensors")).output.trim().split("\n");
  expect(whole.length).toBe(epochs + 1);
  for (const killAfter of [1, 4]) {
    const killed = await train("killed.safetensors", killAfter);
    expect(killed.signal).toBe("SIGKILL");
    expect(killed.output).not.toMatch(/[0-9a-f]{64}/);
  }
  const resumed = (await train("killed.safetensors")).output.trim().split("\n");
  expect(resumed.length).toBeLessThan(epochs);
  expect(resumed.at(-1)).toMatch(/^[0-9a-f]{64}$/);
  expect(resumed.at(-1)).toBe(whole.at(-1));
});
