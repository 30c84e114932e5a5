import { readFileSync } from "node:fs";
import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  plugins: [
    {
      name: "wasm-as-bytes",
      enforce: "pre",
      load(id: string) {
        if (!id.endsWith(".wasm")) return undefined;
        return `export default Uint8Array.from(atob("${readFileSync(id).toString("base64")}"), (letter) => letter.charCodeAt(0));`;
      },
    },
  ],
  test: { include: ["test/**/*.test.ts"], exclude: ["test/runtimes/**"], testTimeout: 60_000, pool: "threads" },
});

export default config;
