// Does training that was killed go on from its last file as if nothing had happened?

import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";

const script = fileURLToPath(new URL("./trainAndSave.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "wasmgrad-killed-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the training; kills it as soon as it has finished epoch `killAfter`. The lines that it printed. */
function train(file: string, epochs: number, mode: "new" | "resume", killAfter?: number): Promise<string[]> {
  const words = [script, file, String(epochs), ...(mode === "resume" ? ["resume"] : [])];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (part: Buffer) => {
    text += part.toString();
    if (killAfter !== undefined && text.includes(`epoch ${killAfter}\n`)) child.kill("SIGKILL");
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (killAfter === undefined ? code !== 0 : signal !== "SIGKILL")
        reject(new Error(`ended with ${code ?? signal}`));
      else resolve(text.trim().split("\n"));
    });
  });
}

test("SIGKILL in the middle, then resuming, gives the bits of an uninterrupted run", async () => {
  const epochs = 400;
  const whole = await train(join(folder, "whole.safetensors"), epochs, "new");
  const file = join(folder, "killed.safetensors");
  const first = await train(file, epochs, "new", 20);
  expect(
    first.some((line) => line.startsWith("sha256")),
    "killed before the end",
  ).toBe(false);
  const second = await train(file, epochs, "resume", 200);
  expect(second.length).toBeLessThan(epochs - 20);
  const rest = await train(file, epochs, "resume");
  expect(rest.at(-1)).toBe(whole.at(-1));
  expect(rest.at(-1)).toMatch(/^sha256 [0-9a-f]{64}$/);
  expect(
    readdirSync(folder)
      .filter((name) => name.endsWith(".safetensors"))
      .sort(),
  ).toEqual(["killed.safetensors", "whole.safetensors"]);
});
