// How are files read and written where there is a file system (Node, Deno, Bun), and what happens where there is none?

import { builtin } from "./builtin.ts";
import { fileError, openFileSystem, type Paths } from "./fileSystem.ts";

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
