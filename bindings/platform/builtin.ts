// The modules of Node, Deno and Bun, loaded by specifiers that bundlers cannot see.

/**
 * The module `node:${name}`. A minifier that knows the name writes the specifier out, and bundlers then take the module for
 * a file of the application (Rollup refuses that in a classic worker): so the name is a parameter and this call stays as it is.
 */
export function builtin(name: string): Promise<unknown> {
  return import(/* @vite-ignore */ /* webpackIgnore: true */ /* turbopackIgnore: true */ `node:${name}`);
}
