// Where WebAssembly cannot be had the error says why, and what helps.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, expect, test, vi } from "vitest";

const real = WebAssembly;

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

/** The error with which the first use of the engine fails. */
async function failure(wasm: unknown): Promise<unknown> {
  vi.resetModules();
  const { wasmModule } = await import("../../bindings/platform/wasm.ts");
  vi.stubGlobal("WebAssembly", wasm);
  try {
    wasmModule();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** A WebAssembly that compiles nothing. */
function refusing(message: string, valid: boolean): unknown {
  return {
    validate: () => valid,
    Module: class {
      constructor() {
        throw new real.CompileError(message);
      }
    },
  };
}

test("no WebAssembly", async () => {
  expect(await failure(undefined)).toMatchObject({
    code: "unsupported",
    message:
      "engine: expected WebAssembly with SIMD, received a runtime without WebAssembly. Switch off what disables it, such as Lockdown Mode or node --jitless.",
  });
});

test("no SIMD", async () => {
  expect(await failure(refusing("invalid value type", false))).toMatchObject({
    code: "unsupported",
    received: "a runtime without SIMD",
    remedy: "Use Chrome 91, Firefox 89, Safari 16.4, Node 16.4 or a later version.",
  });
});

test("a policy that forbids it", async () => {
  const text = "Refused to compile or instantiate WebAssembly module because 'unsafe-eval' is not an allowed source";
  const error = await failure(refusing(text, true));
  expect(error).toMatchObject({ code: "unsupported", received: `a refusal: ${text}` });
  expect((error as Error).message).toContain("script-src 'self' 'wasm-unsafe-eval'");
  expect((error as Error).cause).toBeInstanceOf(real.CompileError);
});

test("a policy that forbids it, when relaxed SIMD is chosen", async () => {
  vi.resetModules();
  const { chooseRelaxed } = await import("../../bindings/platform/binary.ts");
  vi.stubGlobal("WebAssembly", {
    ...(refusing("no", true) as object),
    compile: () => Promise.reject(new real.CompileError("no")),
  });
  await expect(chooseRelaxed(true)).rejects.toMatchObject({ code: "unsupported", received: "a refusal: no" });
});

test.each(["ops.add([1], 1)", "configure({ relaxedSimd: true })"])("node --jitless: %s", async (call) => {
  const entry = new URL("../../dist/node/index.js", import.meta.url).href;
  const script = `import(${JSON.stringify(entry)}).then(({ configure, ops }) => ${call}).catch(({ code, remedy }) => console.log(code, remedy))`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--jitless", "-e", script], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
  });
  expect(stdout).toBe("unsupported Switch off what disables it, such as Lockdown Mode or node --jitless.\n");
});
