// How many threads can run at once here, and may they share memory?

import { builtin } from "./builtin.ts";

/** Processors that this process may use; 1 where nobody says. */
export async function cores(): Promise<number> {
  const { navigator } = globalThis as { navigator?: { readonly hardwareConcurrency?: number } };
  if (navigator?.hardwareConcurrency !== undefined) return navigator.hardwareConcurrency;
  try {
    const os = (await builtin("os")) as typeof import("node:os");
    return os.availableParallelism();
  } catch {
    return 1;
  }
}

/** Why workers cannot share memory here, and what would help; undefined where they can. */
export function isolationMissing(): string | undefined {
  if ((globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated !== false) return undefined;
  // Deno and Bun have the property as well, and share memory whatever it says.
  if ((globalThis as { process?: { readonly versions?: object } }).process?.versions !== undefined) return undefined;
  return (
    "this page is not cross-origin isolated. Serve it with the headers " +
    "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp"
  );
}
