// What happens to paths on edge platforms, which have no file system?

import { show, TensorError } from "../../errors.ts";

/** @throws TensorError `unsupported`: there is no file system. */
export function readFile(path: string): Promise<Uint8Array> {
  return refuse("readFile", path);
}

/** @throws TensorError `unsupported`: there is no file system. */
export async function* readPieces(path: string): AsyncGenerator<Uint8Array> {
  yield await refuse("readPieces", path);
}

/** @throws TensorError `unsupported`: there is no file system. */
export function appendToFile(path: string, _bytes: Uint8Array): Promise<void> {
  return refuse("appendToFile", path);
}

/** @throws TensorError `unsupported`: there is no file system. */
export function makeFolderOf(path: string): Promise<void> {
  return refuse("makeFolderOf", path);
}

/** @throws TensorError `unsupported`: there is no file system. */
export function makeFolder(path: string): Promise<void> {
  return refuse("makeFolder", path);
}

/** @throws TensorError `unsupported`: there is no file system. */
export function removeFile(path: string): Promise<void> {
  return refuse("removeFile", path);
}

/** @throws TensorError `unsupported`: there is no file system. */
export function fileExists(path: string): Promise<boolean> {
  return refuse("fileExists", path);
}

/** @throws TensorError `unsupported`: there is no file system. */
export function findFile(folder: string, _names: readonly string[]): Promise<string | undefined> {
  return refuse("findFile", folder);
}

/** `undefined`: no package is installed where there are no files. */
export function findPackage(_name: string): Promise<string | undefined> {
  return Promise.resolve(undefined);
}

/** What the functions of this folder do that take a path. */
export function refuse(where: string, path: string): Promise<never> {
  return Promise.reject(
    new TensorError("unsupported", {
      where,
      expected: "a runtime with a file system (Node, Deno, Bun)",
      received: `the path ${show(path)} in a runtime without one`,
      remedy: "Pass bytes instead of paths: loadModel(bytes), and model.save() without a path returns the bytes.",
    }),
  );
}
