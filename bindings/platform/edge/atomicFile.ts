// What happens to files that are to be written on edge platforms, which have no file system?

import { openFileSystem } from "../fileSystem.ts";

/** There is none here: it always says so. */
const refuse = openFileSystem as (where: string, path: string) => Promise<unknown> as (
  where: string,
  path: string,
) => Promise<never>;

/** @throws TensorError `unsupported`: there is no file system. */
export function writeFileAtomically(path: string, _bytes: Uint8Array): Promise<void> {
  return refuse("writeFileAtomically", path);
}
