// How are the options of lookups and hashing read from what Keras 3 writes?

import { type Config, checkOptionsObject, toCamelCase } from "../config.ts";
import { check, show } from "../errors.ts";

/** What Keras writes besides options: nothing that matters here (indices are int32, vectors float32) … */
const ignored: readonly string[] = ["name", "trainable", "dtype", "vocabulary_size", "has_input_vocabulary"];
/** … or what can only have these values. */
const fixed: Readonly<Record<string, readonly unknown[]>> = {
  vocabulary_dtype: ["string", "int64"],
  sparse: [false],
  encoding: ["utf-8"],
  oov_method: ["floormod"],
};

/**
 * The options in `config`, keys and output mode in camelCase; the function that takes them checks their names and values.
 * @throws {TensorError} `unsupported` for sparse tensors and other encodings.
 */
export function optionsOf<O extends object>(where: string, config: Config): O {
  checkOptionsObject(where, config);
  const options: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(config)) {
    if (ignored.includes(key)) continue;
    if (Object.hasOwn(fixed, key)) {
      const allowed = fixed[key] ?? [];
      check(allowed.includes(value), "unsupported", () => ({
        where: `${where}.${key}`,
        expected: allowed.map(show).join(" or "),
        received: show(value),
      }));
    } else options[toCamelCase(key)] = key === "output_mode" ? toCamelCase(String(value)) : value;
  }
  return options as O;
}
