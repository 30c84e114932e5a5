// How do numbers get from the runner to an engine's process and back? As files of raw f32 in a folder of this run.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export function makeScratch() {
  const folder = mkdtempSync(join(tmpdir(), "wasmgrad-benchmark-"));
  const path = (name) => join(folder, name);
  return {
    path,
    /** @param {string} name @param {Float32Array} values @returns {string} the file's path */
    write(name, values) {
      writeFileSync(path(name), new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      return path(name);
    },
    /** Reads the numbers and removes the file, so that an answer cannot be taken for the next one. */
    read(name) {
      const file = readFileSync(path(name));
      rmSync(path(name));
      return new Float32Array(file.buffer.slice(file.byteOffset, file.byteOffset + file.length));
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
