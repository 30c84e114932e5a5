import { readFileSync } from "node:fs";
import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  plugins: [
    {
      name: "wasm-as-hex",
      enforce: "pre",
      load(id: string) {
        if (!id.endsWith(".wasm")) return undefined;
        return `export default "${readFileSync(id).toString("hex")}"`;
      },
    },
  ],
  test: { include: ["test/**/*.test.ts"], exclude: ["test/runtimes/**"], testTimeout: 60_000, pool: "threads" },
});

export default config;
