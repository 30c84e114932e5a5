// What does an uncaught error print? Node shows the line on which it was thrown before its message.

import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** What a script that imports the built package prints to stderr. */
function complaintOf(script: string): string {
  const folder = mkdtempSync(join(tmpdir(), "wasmgrad-lines-"));
  try {
    const entry = (name: string): string => JSON.stringify(pathToFileURL(join(root, "dist/node", name)).href);
    writeFileSync(
      join(folder, "script.mjs"),
      `import { layers, ops, sequential, loadModel } from ${entry("index.js")};\n${script}\n`,
    );
    const { stderr, status } = spawnSync(process.execPath, [join(folder, "script.mjs")], { encoding: "utf8" });
    expect(status).toBe(1);
    return stderr;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe("an uncaught error", () => {
  it.each([
    { title: "of an op", script: "ops.matMul([[1, 2]], [[1, 2]]);", message: "TensorError: matMul: expected" },
    {
      title: "of a model",
      script: "await sequential([layers.dense({ units: 1, inputShape: [2] })]).fit([[1, 2]], [[1]]);",
      message: "TensorError: sequential",
    },
    {
      title: "of a reader",
      script: "await loadModel(new Uint8Array(8));",
      message: "TensorError: loadModel: expected",
    },
  ])("$title prints at most 2 KB", ({ script, message }) => {
    const stderr = complaintOf(script);
    expect(stderr).toContain(message);
    expect(stderr.length).toBeLessThanOrEqual(2048);
  });

  it("of a compute thread does not repeat the script it runs", async () => {
    const text = readFileSync(join(root, "build/thread.txt"), "utf8");
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(text)}`));
    try {
      worker.postMessage({ module: "not a module" });
      const [error] = (await once(
        worker.on("error", () => {}),
        "error",
      )) as [Error];
      expect(error.stack).toContain("wasmgrad/thread.js");
      expect(error.stack?.length).toBeLessThan(1000);
    } finally {
      await worker.terminate();
    }
  });
});

describe("files in which names are all that is left of the sources", () => {
  const files = [
    "build/thread.txt",
    "dist/worker/modelWorker.js",
    ...["node", "edge", "edge-light"].flatMap((folder) =>
      readdirSync(join(root, "dist", folder), { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".js"))
        .map((name) => `dist/${folder}/${name}`),
    ),
  ];

  it("are there", () => {
    expect(files.length).toBeGreaterThan(50);
  });

  it("have short lines, but for texts on lines of their own, on which nothing can throw", () => {
    const long = files.flatMap((name) =>
      readFileSync(join(root, name), "utf8")
        .split("\n")
        .filter((line) => line.length > 1200 && !/^"(?:[^"\\]|\\.)*"$/.test(line))
        .map((line) => `${name}: ${line.length} characters, ${line.slice(0, 60)}`),
    );
    expect(long).toEqual([]);
  });

  it("have no string that goes on in the next line: Rollup would indent it", () => {
    expect(files.filter((name) => readFileSync(join(root, name), "utf8").includes("\\\n"))).toEqual([]);
  });
});
