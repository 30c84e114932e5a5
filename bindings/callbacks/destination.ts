// Where does what callbacks write go: into a file, or where the user wants it?

import { check, show } from "../errors.ts";
import { writeFileAtomically } from "../platform/atomicFile.ts";
import { makeFolderOf } from "../platform/files.ts";

/** Takes the bytes of a file. */
export type Write = (path: string, bytes: Uint8Array) => void | Promise<void>;

/** @throws {TensorError} `option` unless `write` is a function or undefined. */
export function checkWrite(where: string, write: unknown): void {
  check(write === undefined || typeof write === "function", "option", () => ({
    where: `${where}.write`,
    expected: "a function of the path and the bytes",
    received: show(write),
  }));
}

/** @throws {TensorError} `option` unless `path` is text. */
export function checkPath(where: string, path: unknown, expected = "the path of a file"): void {
  check(typeof path === "string" && path !== "", "option", () => ({ where, expected, received: show(path) }));
}

/** Replaces a file as a whole, in a folder that is made when it is not there. */
export async function writeIntoFolder(path: string, bytes: Uint8Array): Promise<void> {
  await makeFolderOf(path);
  await writeFileAtomically(path, bytes);
}
