// Which readers are fuzzed?

import type { Reader } from "../reader.ts";
import { configurations } from "./configurations.ts";
import { csvFiles } from "./csv.ts";
import { data } from "./data.ts";
import { idxFiles } from "./idx.ts";
import { models } from "./models.ts";
import { programs } from "./programs.ts";
import { safetensors } from "./safetensors.ts";

/** All of them. */
export const readers: readonly Reader[] = [safetensors, models, programs, configurations, idxFiles, csvFiles, data];
