import { existsSync, readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin, type ViteUserConfig } from "vitest/config";
import { testLibrary } from "./scripts/testLibrary.mjs";

const root = dirname(fileURLToPath(import.meta.url));
const bindings = join(root, "bindings");

const filesAsText: Plugin = {
  name: "files-as-text",
  enforce: "pre",
  load(id: string) {
    if (id.endsWith(".txt")) return `export default ${JSON.stringify(readFileSync(id, "utf8"))}`;
    if (!id.endsWith(".wasm")) return undefined;
    return `export default "${readFileSync(id).toString("hex")}"`;
  },
};

/** Sources of bindings/ are the files of the same names in `folder` (scripts/testLibrary.mjs). */
function builtLibrary(folder: string): Plugin {
  return {
    name: "built-library",
    enforce: "pre",
    resolveId(source: string, importer: string | undefined) {
      if (importer === undefined || !source.startsWith(".") || !source.endsWith(".ts")) return undefined;
      const path = join(dirname(importer.replace(/\?.*$/, "")), source);
      if (!path.startsWith(bindings)) return undefined;
      const built = join(folder, relative(bindings, path).replace(/\.ts$/, ".js"));
      return existsSync(built) ? { id: built, external: true } : undefined;
    },
  };
}

const files: ReadonlyMap<string, string> = new Map(
  readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
    .map((name) => `test/${name.replaceAll("\\", "/")}`)
    .filter((name) => name.endsWith(".test.ts") && !name.startsWith("test/runtimes/"))
    .map((name) => [name, readFileSync(join(root, name), "utf8")]),
);

const filesWith = (pattern: RegExp): readonly string[] =>
  [...files].filter(([, text]) => pattern.test(text)).map(([name]) => name);

/**
 * Files whose tests replace a module of bindings/ or load the library several times: they need the sources, and import
 * test/setup.ts when they have done so.
 */
const onSources: readonly string[] = filesWith(/\bvi\.mock\(|\bvi\.resetModules\(|\/libraries\.ts"/);

/**
 * Files that change nothing which others see, so that many of them can follow each other in one worker: those of ops,
 * layers and golden values that neither configure the library nor register, seed or replace anything.
 */
const following: readonly string[] = filesWith(
  /^(?![\s\S]*(\bvi\.|\bconfigure\(|\bregister[A-Z]\w*\(|\bsetSeed\(|\bdefineKernel\b|\bengine\(\)|\bprocess\.))/,
).filter((name) => /^test\/(ops|layers|golden)\//.test(name) && !onSources.includes(name));

const config: Promise<ViteUserConfig> = (async () => {
  const project = (name: string, include: readonly string[], options: NonNullable<ViteUserConfig["test"]>) => ({
    plugins: [filesAsText],
    test: {
      testTimeout: 60_000,
      hookTimeout: 60_000,
      pool: "threads" as const,
      name,
      include: [...include],
      ...options,
    },
  });
  // Watching, the sources themselves are looked at.
  if (!process.argv.includes("run"))
    return defineConfig({
      test: {
        projects: [
          project(
            "tests",
            [...files.keys()].filter((name) => !onSources.includes(name)),
            { setupFiles: ["test/setup.ts"] },
          ),
          project("sources", onSources, {}),
        ],
      },
    });
  const folder = await testLibrary();
  const built = (name: string, include: readonly string[], isolate: boolean): ViteUserConfig => ({
    ...project(name, include, {
      isolate,
      setupFiles: ["test/setup.ts"],
      server: { deps: { external: [/\/build\/tests\//] } },
    }),
    plugins: [filesAsText, builtLibrary(folder)],
  });
  const others = [...files.keys()].filter((name) => !onSources.includes(name) && !following.includes(name));
  return defineConfig({
    test: {
      projects: [built("following", following, false), built("tests", others, true), project("sources", onSources, {})],
      maxWorkers: availableParallelism(),
    },
  });
})();

export default config;
