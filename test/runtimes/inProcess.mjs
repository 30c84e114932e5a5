// How do Node, Deno and Bun run the conformance script? With the files of a folder; the outcome is one line of JSON.
//
//   inProcess.mjs <threads> <folder of the digits> [file for the trained network]

import { writeFile } from "node:fs/promises";
import process from "node:process";
import { loadMnist } from "wasmgrad/datasets";
import { conform } from "./conformance.mjs";

const [threads, directory, output] = process.argv.slice(2);
const { saved, ...outcome } = await conform(Number(threads), await loadMnist({ directory }));
if (output !== undefined) await writeFile(output, saved);
const version = globalThis.Deno?.version.deno ?? globalThis.Bun?.version ?? process.version.slice(1);
// Nothing ends the process: it must see by itself that all is done, whatever workers there are.
console.log(JSON.stringify({ version, ...outcome }));
