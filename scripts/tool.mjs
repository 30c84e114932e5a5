// How does a tool of tools/package.json run? It is installed when it is missing.
//
//   node scripts/tool.mjs biome check .

import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { argv, exit, platform } from "node:process";
import { fileURLToPath } from "node:url";
import { installFolder } from "./installFolder.mjs";

const [name, ...args] = argv.slice(2);
installFolder("tools");
const binaries = join(dirname(fileURLToPath(import.meta.url)), "..", "tools", "node_modules", ".bin");
const { status } = spawnSync(join(binaries, name), args, { stdio: "inherit", shell: platform === "win32" });
exit(status ?? 1);
