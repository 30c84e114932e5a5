// How do tests run the library in a process of its own? One bundle of what is tested, not of what was built last.

import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** Bundles a script beside this file that imports the library, into `folder`. @returns the path of the bundle. */
export async function bundleScript(name: string, folder: string): Promise<string> {
  const outfile = join(folder, `${name}.mjs`);
  await build({
    entryPoints: [join(dirname(fileURLToPath(import.meta.url)), `${name}.ts`)],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "es2022",
    logLevel: "warning",
    plugins: [
      {
        name: "wasm-as-hex",
        setup: ({ onLoad }) =>
          onLoad({ filter: /\.wasm$/ }, async ({ path }) => ({
            contents: (await readFile(path)).toString("hex"),
            loader: "text",
          })),
      },
    ],
  });
  return outfile;
}

/** How a process ended. */
export interface Ending {
  readonly output: string;
  readonly errors: string;
  readonly signal: NodeJS.Signals | null;
}

/**
 * Runs a bundle in a new process until it ends.
 * @param killWhen gets the output so far; true ends the process at once, as a crash would.
 */
export function runScript(
  path: string,
  args: readonly string[],
  options: { readonly flags?: readonly string[]; readonly killWhen?: (output: string) => boolean } = {},
): Promise<Ending> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...(options.flags ?? []), path, ...args]);
    let output = "";
    let errors = "";
    child.stdout.on("data", (text: Buffer) => {
      output += text.toString();
      if (options.killWhen?.(output) === true) child.kill("SIGKILL");
    });
    child.stderr.on("data", (text: Buffer) => {
      errors += text.toString();
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0 || signal === "SIGKILL") resolve({ output, errors, signal });
      else reject(new Error(`${path} ended with ${code}:\n${errors}`));
    });
  });
}
