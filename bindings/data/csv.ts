// How do the rows of a CSV file become elements? Papa Parse splits them (RFC 4180); what is in them is checked here.

import Papa from "papaparse";
import { checkOptionNames } from "../config.ts";
import { check, show, TensorError } from "../errors.ts";
import { Dataset } from "./dataset.ts";
import { nameOf, type TextSource, textOf } from "./pieces.ts";

/** What a column holds: finite numbers, integers, text as it stands, or what a function makes of the text. */
export type ColumnKind = "number" | "integer" | "text" | ((text: string) => unknown);
/** Columns by name. */
export type ColumnKinds = Readonly<Record<string, ColumnKind>>;

/** How {@link csv} reads. */
export interface CsvOptions<C extends ColumnKinds = ColumnKinds> {
  /** The columns to read, and what they hold. Default: all of them, as numbers. */
  readonly columns?: C;
  /** Whether the first row has the names of the columns, or these names, where the file has none. Default true. */
  readonly header?: boolean | readonly string[];
  /** Between the cells of a row. Default ",". */
  readonly delimiter?: string;
  /** Around cells that hold delimiters, line breaks or, doubled, itself. Default '"'. */
  readonly quote?: string;
  /** Lines that begin with it are left out. Default none. */
  readonly comment?: string;
  /** What an empty cell of numbers is. Default: an error. */
  readonly missing?: number;
}

/** A row: the columns by name. */
export type Row<C extends ColumnKinds> = {
  readonly [K in keyof C]: C[K] extends (text: string) => infer V ? V : C[K] extends "text" ? string : number;
};

/** Most characters of one row: more is a quote that nobody closes. */
const longestRow = 1 << 24;

/**
 * The rows of a CSV file, read as they are asked for, so that it may be larger than memory; each pass reads it again.
 * Turn them into samples with `map`: `csv("iris.csv", { columns: { length: "number", kind: (text) => kinds.indexOf(text) } })
 * .map(({ length, kind }) => [[length], kind])`.
 * @throws {TensorError} `option`; while it is read `data` for a bad row, with file, line and column.
 */
export function csv<const C extends ColumnKinds>(
  source: TextSource,
  options: CsvOptions<C> & { readonly columns: C },
): Dataset<Row<C>>;
export function csv(
  source: TextSource,
  options?: Omit<CsvOptions, "columns">,
): Dataset<Readonly<Record<string, number>>>;
export function csv(source: TextSource, options: CsvOptions = {}): Dataset<Readonly<Record<string, unknown>>> {
  const settings = checkedOptions(options);
  return new Dataset(() => rowsOf(source, settings), undefined);
}

async function* rowsOf(source: TextSource, options: CsvOptions): AsyncGenerator<Record<string, unknown>> {
  const file = nameOf(source);
  let fields: Field[] | undefined;
  let width = 0;
  if (Array.isArray(options.header)) {
    const names = options.header as readonly string[];
    [fields, width] = [fieldsOf(file, names, options.columns), names.length];
  }
  for await (const { cells, line } of linesOf(file, source, options)) {
    if (fields === undefined) {
      if (options.header === false) {
        const names = cells.map((_, index) => String(index));
        fields = fieldsOf(file, names, options.columns);
        width = names.length;
      } else {
        fields = fieldsOf(file, cells, options.columns);
        width = cells.length;
        continue;
      }
    }
    check(cells.length === width, "data", () => ({
      where: `${file}, line ${line}`,
      expected: `${width} cells`,
      received: `${cells.length}`,
      remedy: "Cells with a delimiter in them need quotes around them.",
    }));
    yield Object.fromEntries(fields.map((field) => [field.name, cellValue(file, line, field, cells, options.missing)]));
  }
}

// Columns -------------------------------------------------------------------------------------------------------------

interface Field {
  readonly name: string;
  readonly index: number;
  readonly kind: ColumnKind;
}

function fieldsOf(file: string, names: readonly string[], columns: ColumnKinds | undefined): Field[] {
  const trimmed = names.map((name) => name.trim());
  const twice = trimmed.find((name, index) => trimmed.indexOf(name) !== index);
  check(twice === undefined, "data", () => ({
    where: `${file}, line 1`,
    expected: "names that differ",
    received: `two columns ${show(twice)}`,
    remedy: "Give the names as header: [...], and skip(1).",
  }));
  const wanted: ColumnKinds = columns ?? Object.fromEntries(trimmed.map((name) => [name, "number"]));
  return Object.entries(wanted).map(([name, kind]) => {
    const index = trimmed.indexOf(name);
    check(index >= 0, "data", () => ({
      where: `${file}, line 1`,
      expected: `a column ${show(name)}`,
      received: trimmed.map((each) => show(each)).join(", "),
    }));
    return { name, index, kind };
  });
}

function cellValue(
  file: string,
  line: number,
  { name, index, kind }: Field,
  cells: readonly string[],
  missing: number | undefined,
): unknown {
  const cell = cells[index] as string;
  if (typeof kind === "function") return kind(cell);
  if (kind === "text") return cell;
  const text = cell.trim();
  if (text === "" && missing !== undefined) return missing;
  const value = text === "" ? Number.NaN : Number(text);
  check(kind === "integer" ? Number.isSafeInteger(value) : Number.isFinite(value), "data", () => ({
    where: `${file}, line ${line}, column ${show(name)}`,
    expected: kind === "integer" ? "an integer" : "a number",
    received: text === "" ? "an empty cell" : show(cell),
    remedy:
      text === ""
        ? "Say with { missing: 0 } what an empty cell is."
        : `Read it as text with { columns: { ${show(name)}: "text", … } }, or leave the column out.`,
  }));
  return value;
}

// Lines ---------------------------------------------------------------------------------------------------------------

interface Line {
  readonly cells: string[];
  /** Number of its first line in the file, from 1. */
  readonly line: number;
}

async function* linesOf(file: string, source: TextSource, options: CsvOptions): AsyncGenerator<Line> {
  let [waiting, line] = ["", 1];
  let newline: string | undefined;
  for await (const piece of textOf(file, source)) {
    waiting += piece;
    newline ??= lineBreak(waiting);
    if (newline === undefined) continue;
    const { found, taken } = split(file, waiting, line, newline, options, true);
    line += breaksIn(waiting.slice(0, taken), newline);
    waiting = waiting.slice(taken);
    check(waiting.length <= longestRow, "data", () => ({
      where: `${file}, line ${line}`,
      expected: `a row of at most ${longestRow} characters`,
      received: "more",
      remedy: `Look for a quote ${options.quote ?? '"'} that is not closed.`,
    }));
    yield* found;
  }
  yield* split(file, waiting, line, newline ?? "\n", options, false).found;
}

/** The whole rows at the beginning of `text`, and how many characters they are. */
function split(
  file: string,
  text: string,
  first: number,
  newline: string,
  { delimiter = ",", quote = '"', comment = "" }: CsvOptions,
  more: boolean,
): { readonly found: Line[]; readonly taken: number } {
  const found: Line[] = [];
  let [taken, line] = [0, first];
  const step = ({ data, errors, meta }: Papa.ParseStepResult<string[]>): void => {
    const [problem] = errors;
    if (problem !== undefined)
      throw new TensorError("data", {
        where: `${file}, line ${line}`,
        expected: "a row of cells",
        received: problem.message,
        remedy: `A quote ${quote} within a cell must be doubled, and the cell be in quotes.`,
      });
    // The parser gives a list of rows with one in it.
    const [cells] = data as unknown as [string[]];
    if (cells.length > 1 || cells[0] !== "") found.push({ cells, line });
    line += breaksIn(text.slice(taken, meta.cursor), newline);
    taken = meta.cursor;
  };
  const config = { delimiter, quoteChar: quote, newline: newline as "\n", comments: comment, step };
  new Papa.Parser(config).parse(text, 0, more);
  return { found, taken };
}

/** The first line break; undefined while it may still become another. */
function lineBreak(text: string): string | undefined {
  const at = text.search(/[\r\n]/);
  if (at < 0) return undefined;
  if (text[at] === "\n") return "\n";
  if (at + 1 === text.length) return undefined;
  return text[at + 1] === "\n" ? "\r\n" : "\r";
}

function breaksIn(text: string, newline: string): number {
  return text.split(newline).length - 1;
}

// Options -------------------------------------------------------------------------------------------------------------

function checkedOptions(options: CsvOptions): CsvOptions {
  const where = "csv";
  checkOptionNames(where, options, ["columns", "header", "delimiter", "quote", "comment", "missing"]);
  const { columns, header, delimiter = ",", quote = '"', comment = "", missing } = options;
  const kinds: readonly unknown[] = ["number", "integer", "text"];
  const isRecord = typeof columns === "object" && columns !== null && !Array.isArray(columns);
  check(
    columns === undefined ||
      (isRecord && Object.values(columns).every((kind) => kinds.includes(kind) || typeof kind === "function")),
    "option",
    () => ({
      where: `${where}.columns`,
      expected: 'names with "number", "integer", "text" or a function',
      received: show(columns),
    }),
  );
  const names = Array.isArray(header) && header.length > 0 && header.every((name) => typeof name === "string");
  check(header === undefined || typeof header === "boolean" || names, "option", () => ({
    where: `${where}.header`,
    expected: "true, false, or the names of all columns",
    received: show(header),
  }));
  for (const [name, value] of Object.entries({ delimiter, quote }))
    check(typeof value === "string" && value.length === 1 && !/[\r\n]/.test(value), "option", () => ({
      where: `${where}.${name}`,
      expected: "one character",
      received: show(value),
    }));
  check(typeof comment === "string", "option", () => ({
    where: `${where}.comment`,
    expected: "text",
    received: show(comment),
  }));
  check(missing === undefined || Number.isFinite(missing), "option", () => ({
    where: `${where}.missing`,
    expected: "a finite number",
    received: show(missing),
  }));
  return options;
}
