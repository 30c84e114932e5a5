// Which file system is there, and what is said when it refuses?

import { check, type ErrorCode, show, TensorError } from "../errors.ts";
import { builtin } from "./builtin.ts";

/** What Node, Deno and Bun offer. */
export type FileSystem = typeof import("node:fs/promises");
/** What they know about paths. */
export type Paths = typeof import("node:path");

/** @throws TensorError `option` unless `path` is text, `unsupported` in a runtime without a file system. */
export async function openFileSystem(where: string, path: string): Promise<FileSystem> {
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

/** The error for what a file system refused, as `cause` says. */
export function fileError(code: ErrorCode, where: string, expected: string, cause: unknown): TensorError {
  const { code: reason, message } = cause as { code?: unknown; message?: string };
  const known = REASONS.get(reason);
  const received = known?.received ?? (message ?? String(cause)).replace(/\.$/, "");
  return new TensorError(
    code,
    { where, expected, received, remedy: known?.remedy ?? "Check the path and the permissions." },
    { cause },
  );
}
