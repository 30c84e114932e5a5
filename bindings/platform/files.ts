// How are files read and written where there is a file system (Node, Deno, Bun), and what happens where there is none?

import { check, type ErrorCode, show, TensorError } from "../errors.ts";
import { builtin } from "./builtin.ts";

type FileSystem = typeof import("node:fs/promises");
type Paths = typeof import("node:path");

/**
 * The whole content of the file at `path` (relative paths: from the working directory).
 * @throws TensorError `data` when the file cannot be read, `unsupported` in a runtime without a file system.
 */
export async function readFile(path: string): Promise<Uint8Array> {
  const fileSystem = await openFileSystem("readFile", path);
  try {
    const bytes = await fileSystem.readFile(path);
    // A plain view: Node's Buffer is a Uint8Array whose `slice` does not copy.
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  } catch (cause) {
    throw fileError("data", "readFile", `a readable file at ${JSON.stringify(path)}`, cause);
  }
}

/**
 * The file at `path`, piece by piece as they are asked for.
 * @throws TensorError `data` when the file cannot be read, `unsupported` in a runtime without a file system.
 */
export async function* readPieces(path: string): AsyncGenerator<Uint8Array> {
  const fileSystem = await openFileSystem("readPieces", path);
  try {
    const file = await fileSystem.open(path, "r");
    try {
      for (;;) {
        const { bytesRead, buffer } = await file.read({ buffer: new Uint8Array(pieceBytes) });
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw fileError("data", "readPieces", `a readable file at ${JSON.stringify(path)}`, cause);
  }
}

const pieceBytes = 1 << 18;

/**
 * Writes `bytes` to the file at `path`, which afterwards holds either its old content or all of the new, even if the
 * process or the machine stops meanwhile: a temporary file in the same folder is written, flushed and renamed. Those that
 * a process left behind which was ended while it wrote are removed by the next one that writes the same file, from a minute
 * later on. A symbolic link is followed, also to a file that is not there yet, and the permissions of an existing file are
 * kept. The folder must exist.
 * @throws TensorError `data` when the file cannot be written, or is write-protected, `unsupported` in a runtime without a file system.
 */
export async function writeFileAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const fileSystem = await openFileSystem("writeFileAtomically", path);
  const expected = `a file that can be written at ${JSON.stringify(path)}`;
  try {
    const paths = (await builtin("path")) as Paths;
    const { dirname, basename, join } = paths;
    const target = await targetOf(fileSystem, paths, path);
    const old = await fileSystem.stat(target).catch(() => undefined);
    // A rename would replace a device or a pipe by a plain file.
    check(old === undefined || old.isFile(), "data", () => ({
      where: "writeFileAtomically",
      expected,
      received: old?.isDirectory() ? "a folder" : "a device, pipe or socket",
      remedy: "Give the path of a file.",
    }));
    // A rename would replace it all the same, and so it would for the superuser, who may write everything.
    if (old !== undefined) await fileSystem.access(target, 2);
    check(old === undefined || (old.mode & 0o222) !== 0, "data", () => ({
      where: "writeFileAtomically",
      expected,
      received: "a write-protected file",
      remedy: "Allow writing to it, or give another path.",
    }));
    const folder = dirname(target);
    const name = `.${basename(target).slice(0, 40)}.`;
    const { pid } = (await builtin("process")) as typeof import("node:process");
    const temporary = join(folder, `${name}${pid}.${crypto.randomUUID()}.tmp`);
    await removeLeftBehind(fileSystem, paths, folder, name);
    try {
      await writeAndFlush(fileSystem, temporary, bytes, old === undefined ? undefined : old.mode & 0o777);
      await fileSystem.rename(temporary, target);
    } catch (cause) {
      await fileSystem.rm(temporary, { force: true }).catch(() => undefined);
      throw cause;
    }
    await flushFolder(fileSystem, folder);
  } catch (cause) {
    throw cause instanceof TensorError ? cause : fileError("data", "writeFileAtomically", expected, cause);
  }
}

/**
 * Adds `bytes` to the end of the file at `path`, and makes it when it is not there; what it held is not read or written.
 * @throws TensorError `data` when the file cannot be written, `unsupported` in a runtime without a file system.
 */
export async function appendToFile(path: string, bytes: Uint8Array): Promise<void> {
  const fileSystem = await openFileSystem("appendToFile", path);
  await fileSystem.appendFile(path, bytes).catch((cause) => {
    throw fileError("data", "appendToFile", `a file that can be written at ${JSON.stringify(path)}`, cause);
  });
}

/** Makes the folder of a file, and those that it is in, unless they are there. @throws as {@link makeFolder}. */
export async function makeFolderOf(path: string): Promise<void> {
  const end = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
  if (end > 0) await makeFolder(path.slice(0, end));
}

/**
 * Makes a folder, and those that it is in, unless they are there.
 * @throws TensorError `data` when it cannot be made, `unsupported` in a runtime without a file system.
 */
export async function makeFolder(path: string): Promise<void> {
  const fileSystem = await openFileSystem("makeFolder", path);
  await fileSystem.mkdir(path, { recursive: true }).catch((cause) => {
    throw fileError("data", "makeFolder", `a folder at ${JSON.stringify(path)}`, cause);
  });
}

/** Removes the file at `path` if there is one. @throws TensorError `data` when it cannot be removed. */
export async function removeFile(path: string): Promise<void> {
  const fileSystem = await openFileSystem("removeFile", path);
  await fileSystem.rm(path, { force: true }).catch((cause) => {
    throw fileError("data", "removeFile", `a file that can be removed at ${JSON.stringify(path)}`, cause);
  });
}

/** Whether there is a file at `path`. @throws TensorError `unsupported` in a runtime without a file system. */
export async function fileExists(path: string): Promise<boolean> {
  const fileSystem = await openFileSystem("fileExists", path);
  return fileSystem.stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
}

/**
 * The path of the first of `names` that is a file in `folder`, or `undefined`.
 * @throws TensorError `unsupported` in a runtime without a file system.
 */
export async function findFile(folder: string, names: readonly string[]): Promise<string | undefined> {
  const fileSystem = await openFileSystem("findFile", folder);
  const { join } = (await builtin("path")) as Paths;
  for (const name of names) {
    const path = join(folder, name);
    const isFile = await fileSystem.stat(path).then(
      (entry) => entry.isFile(),
      () => false,
    );
    if (isFile) return path;
  }
  return undefined;
}

/**
 * The folder of an installed npm package, looked up first from the working directory, then from wasmgrad's own folder;
 * `undefined` when it is not installed or the runtime has no packages. Nothing of the package is executed.
 */
export async function findPackage(name: string): Promise<string | undefined> {
  try {
    const { createRequire } = (await builtin("module")) as typeof import("node:module");
    const { dirname, join } = (await builtin("path")) as Paths;
    const { cwd } = (await builtin("process")) as typeof import("node:process");
    for (const start of [join(cwd(), "start.js"), import.meta.url]) {
      try {
        return dirname(createRequire(start).resolve(`${name}/package.json`));
      } catch {
        // Not installed there.
      }
    }
  } catch {
    // A runtime without node: modules has no installed packages.
  }
  return undefined;
}

/** The file that `path` means: links are followed, also the last one to a file that is not there. */
async function targetOf(
  fileSystem: FileSystem,
  { dirname, basename, join, resolve }: Paths,
  path: string,
): Promise<string> {
  let target = path;
  for (let links = 0; links <= mostLinks; links++) {
    const whole = await fileSystem.realpath(target).catch(() => undefined);
    if (whole !== undefined) return whole;
    const link = await fileSystem.readlink(target).catch(() => undefined);
    if (link === undefined) return target;
    const folder = await fileSystem.realpath(dirname(target)).catch(() => dirname(target));
    const next = resolve(folder, link);
    target = join(await fileSystem.realpath(dirname(next)).catch(() => dirname(next)), basename(next));
  }
  // A circle: this says so.
  return fileSystem.realpath(path);
}

const mostLinks = 40;
/**
 * Milliseconds since the last change after which a temporary file counts as left behind: of a process that does not run
 * here, and of any. Another machine, or another container with numbers of its own, may be writing it.
 */
const [idleMilliseconds, staleMilliseconds] = [60_000, 600_000];

/** Removes temporary files that nobody has written to for a while. */
async function removeLeftBehind(fileSystem: FileSystem, { join }: Paths, folder: string, name: string): Promise<void> {
  const { kill } = (await builtin("process")) as typeof import("node:process");
  const hasEnded = (process: number): boolean => {
    try {
      return !kill(process, 0);
    } catch (cause) {
      return (cause as { readonly code?: string }).code === "ESRCH";
    }
  };
  const entries = await fileSystem.readdir(folder).catch(() => []);
  for (const entry of entries) {
    const [known, writer] = entry.startsWith(name) ? (temporaryName.exec(entry.slice(name.length)) ?? []) : [];
    if (known === undefined) continue;
    const path = join(folder, entry);
    const age = await fileSystem.stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > (hasEnded(Number(writer)) ? idleMilliseconds : staleMilliseconds))
      await fileSystem.rm(path, { force: true }).catch(() => undefined);
  }
}

const temporaryName = /^(?:(\d+)\.)?[\da-f-]{36}\.tmp$/;

async function writeAndFlush(
  fileSystem: FileSystem,
  path: string,
  bytes: Uint8Array,
  mode: number | undefined,
): Promise<void> {
  const file = await fileSystem.open(path, "wx");
  try {
    await file.writeFile(bytes);
    if (mode !== undefined) await file.chmod(mode);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the rename itself durable. Windows and some runtimes cannot flush a folder: the file is complete all the same. */
async function flushFolder(fileSystem: FileSystem, folder: string): Promise<void> {
  try {
    const handle = await fileSystem.open(folder, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // Without the flush, a power cut may bring the old file back.
  }
}

async function openFileSystem(where: string, path: string): Promise<FileSystem> {
  check(typeof path === "string" && path.length > 0, "option", () => ({
    where,
    expected: "the path of a file",
    received: show(path),
  }));
  const fileSystem = await builtin("fs/promises").then(
    (module) => module as Partial<FileSystem>,
    () => undefined,
  );
  // Bundlers for browsers may put an empty module in its place.
  check(typeof fileSystem?.open === "function", "unsupported", () => ({
    where,
    expected: "a runtime with a file system (Node, Deno, Bun)",
    received: `the path ${show(path)} in a runtime without one`,
    remedy: "Pass bytes instead of paths: loadModel(bytes), and model.save() without a path returns the bytes.",
  }));
  return fileSystem as FileSystem;
}

const REASONS: ReadonlyMap<unknown, { received: string; remedy: string }> = new Map([
  ["ENOENT", { received: "no such file or folder", remedy: "Check the path and create missing folders first." }],
  ["ENOTDIR", { received: "a path that leads through a file", remedy: "Check the path." }],
  ["EEXIST", { received: "a file of this name", remedy: "Choose another path." }],
  ["EISDIR", { received: "a folder", remedy: "Give the path of a file." }],
  ["EACCES", { received: "no permission", remedy: "Check who may read and write there." }],
  ["EPERM", { received: "no permission", remedy: "Check who may read and write there." }],
  ["ENOSPC", { received: "no space left", remedy: "Free space or choose another folder." }],
]);

function fileError(code: ErrorCode, where: string, expected: string, cause: unknown): TensorError {
  const { code: reason, message } = cause as { code?: unknown; message?: string };
  const known = REASONS.get(reason);
  const received = known?.received ?? (message ?? String(cause)).replace(/\.$/, "");
  return new TensorError(
    code,
    { where, expected, received, remedy: known?.remedy ?? "Check the path and the permissions." },
    { cause },
  );
}
