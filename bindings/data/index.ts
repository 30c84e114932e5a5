// What does `wasmgrad/data` offer? Data that come one after the other, from arrays, functions and files.

export { type ColumnKind, type ColumnKinds, type CsvOptions, csv, type Row } from "./csv.ts";
export type { Dataset } from "./dataset.ts";
export type { Pieces, TextSource } from "./pieces.ts";
export { type Arrays, fromArrays, type GeneratorOptions, generator, type RowOf, type Zipped, zip } from "./sources.ts";
export type { Batched, BatchedValue } from "./stack.ts";
