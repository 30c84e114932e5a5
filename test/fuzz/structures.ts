// What is done to what JSON describes: other types and sizes, keys too many or missing, huge numbers, deep nesting?

import { type Chance, edges } from "./chance.ts";

/** What JSON can hold. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Texts that readers may take for something else. */
const words: readonly string[] = [
  "",
  "0",
  "-1",
  "1e9",
  "NaN",
  "null",
  "relu",
  "same",
  "valid",
  "adam",
  "float32",
  "int32",
  "uint8",
  "bool",
  "string",
  "__proto__",
  "constructor",
  "toString",
  "length",
  "kind",
  "tensor",
  "dataset",
  "variable",
  "a/b",
  "dense",
  "Dense",
  "Sequential",
  "Functional",
  "é\u0000\ud800",
  "x".repeat(3000),
];

/** Keys with a meaning somewhere. */
const keys: readonly string[] = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "kind",
  "shape",
  "dtype",
  "data",
  "length",
  "name",
  "class_name",
  "config",
  "registered_name",
  "module",
  "then",
  "toJSON",
  "units",
  "activation",
  "seed",
  "axis",
  "0",
  "-1",
];

/** From one to several changes of a copy of `value`; pieces may come from `other`. */
export function mutatedJson(chance: Chance, value: Json, other: Json): Json {
  const root: { root: Json } = { root: structuredClone(value) };
  for (let left = chance.oneIn(2) ? 1 : 1 + chance.below(5); left > 0; left--) change(chance, root, other);
  return root.root;
}

/** JSON text, in which some numbers are longer than JavaScript writes them. */
export function textOf(chance: Chance, value: Json): string {
  const text = JSON.stringify(value) ?? "null";
  if (!chance.oneIn(20)) return text;
  const long = chance.of(["1e999", "-1e999", "1e-400", `1${"0".repeat(400)}`, "0.1e1", "-0"]);
  const numbers = [...text.matchAll(/(?<=[:,[])-?\d+(?:\.\d+)?(?=[,}\]])/g)];
  if (numbers.length === 0) return text;
  const chosen = chance.of(numbers);
  return text.slice(0, chosen.index) + long + text.slice(chosen.index + chosen[0].length);
}

interface Spot {
  readonly holder: Json[] | { [key: string]: Json };
  readonly key: string | number;
}

function spotsOf(root: { root: Json }): Spot[] {
  const found: Spot[] = [];
  const open: (Json[] | { [key: string]: Json })[] = [root as unknown as { [key: string]: Json }];
  for (let holder = open.pop(); holder !== undefined && found.length < 4000; holder = open.pop())
    for (const key of Array.isArray(holder) ? holder.keys() : Object.keys(holder)) {
      found.push({ holder, key });
      const value = (holder as Record<string | number, Json>)[key] as Json;
      if (typeof value === "object" && value !== null) open.push(value);
    }
  return found;
}

function change(chance: Chance, root: { root: Json }, other: Json): void {
  const { holder, key } = chance.of(spotsOf(root));
  const value = (holder as Record<string | number, Json>)[key] as Json;
  const put = (replacement: Json): void => set(holder, key, replacement);
  const record = typeof value === "object" && value !== null;
  switch (chance.below(9)) {
    case 0:
    case 1:
      put(anything(chance, other));
      break;
    case 2:
      if (typeof value === "number") put(chance.of([value + 1, value - 1, -value, value * 2, value / 2, value + 0.5]));
      else put(chance.of(edges));
      break;
    case 3:
      if (Array.isArray(holder)) holder.splice(key as number, 1);
      else if (holder !== (root as unknown)) delete holder[key];
      break;
    case 4:
      if (Array.isArray(holder)) holder.splice(key as number, 0, structuredClone(value));
      else set(holder, chance.of(keys), anything(chance, other));
      break;
    case 5:
      put(chance.oneIn(2) ? [value] : { [chance.of(keys)]: value });
      break;
    case 6:
      if (Array.isArray(value)) put(chance.oneIn(2) ? value.slice(0, -1) : [...value, ...structuredClone(value)]);
      else put(String(JSON.stringify(value)).slice(0, 100));
      break;
    case 7:
      put(Array.isArray(value) ? { ...value } : record ? Object.values(value as object) : [value, value]);
      break;
    default:
      put(pieceOf(chance, other));
  }
}

/** Sets a key of its own, `__proto__` too. */
function set(holder: object, key: string | number, value: Json): void {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

function pieceOf(chance: Chance, other: Json): Json {
  const { holder, key } = chance.of(spotsOf({ root: other }));
  return structuredClone((holder as Record<string | number, Json>)[key] as Json);
}

function anything(chance: Chance, other: Json): Json {
  switch (chance.below(12)) {
    case 0:
      return null;
    case 1:
      return chance.oneIn(2);
    case 2:
      return chance.of(words);
    case 3:
      return {};
    case 4:
      return [];
    case 5:
      return chance.of([0.5, -0.5, 1e-30, 1e30, 1e308, 5e-324, -0, 1.0000001]);
    case 6:
      return nested(chance);
    case 7:
      return pieceOf(chance, other);
    case 8:
      return Array.from({ length: chance.of([1, 2, 3, 8, 50, 1000]) }, () => chance.of(edges));
    case 9:
      return { kind: chance.of(["tensor", "dataset", "variable"]), shape: [1, 8], dtype: "float32", data: [0, 0, 0] };
    default:
      return chance.of(edges);
  }
}

function nested(chance: Chance): Json {
  let value: Json = chance.of(edges);
  for (let depth = chance.of([3, 10, 100, 1500]); depth > 0; depth--)
    value = chance.oneIn(2) ? [value] : { [chance.of(["a", "layers", "config", "shape"])]: value };
  return value;
}
