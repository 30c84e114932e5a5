import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  plugins: [
    {
      name: "files-as-text",
      enforce: "pre",
      load(id: string) {
        if (id.endsWith(".txt")) return `export default ${JSON.stringify(readFileSync(id, "utf8"))}`;
        if (!id.endsWith(".wasm")) return undefined;
        return `export default "${readFileSync(id).toString("hex")}"`;
      },
    },
  ],
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/runtimes/**"],
    testTimeout: 60_000,
    pool: "threads",
    maxWorkers: availableParallelism(),
  },
});

export default config;
