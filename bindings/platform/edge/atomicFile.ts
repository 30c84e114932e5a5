// What happens to files that are to be written on edge platforms, which have no file system?

import { refuse } from "./files.ts";

/** @throws TensorError `unsupported`: there is no file system. */
export function writeFileAtomically(path: string, _bytes: Uint8Array): Promise<void> {
  return refuse("writeFileAtomically", path);
}
