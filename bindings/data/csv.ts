// How do the rows of a CSV file become elements?

import { checkOptionNames } from "../config.ts";
import { check, show } from "../errors.ts";
import { Dataset } from "./dataset.ts";
import { nameOf, type TextSource, textOf } from "./pieces.ts";
import { RowSplitter, type TextRow } from "./rows.ts";

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
  /** Most characters of one row, its line breaks within quotes included; a longer one is an error. Default 2²⁴. */
  readonly maxRowLength?: number;
  /** Most cells of one row; more are an error. Default 2²⁰. */
  readonly maxColumns?: number;
}

/** A row: the columns by name. */
export type Row<C extends ColumnKinds> = {
  readonly [K in keyof C]: C[K] extends (text: string) => infer V ? V : C[K] extends "text" ? string : number;
};

/**
 * The rows of a CSV file, read as they are asked for, so that it may be larger than memory; each pass reads it again.
 * Turn them into samples with `map`: `csv("iris.csv", { columns: { length: "number", kind: (text) => kinds.indexOf(text) } })
 * .map(({ length, kind }) => [[length], kind])`. A row ends at any line break outside quotes, \n, \r\n or \r; empty lines
 * and a byte order mark are passed over.
 * @throws {TensorError} `option`; while it is read `data` for a bad row, with file, line and column, and for a connection
 *   that is cut; `format` for bytes that are not UTF-8.
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
  for await (const { cells, line } of textRows(file, source, options)) {
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
  const places = new Map<string, number>();
  for (const [index, name] of names.entries()) {
    const trimmed = name.trim();
    check(!places.has(trimmed), "data", () => ({
      where: `${file}, line 1`,
      expected: "names that differ",
      received: `two columns ${show(trimmed)}`,
      remedy: "Give the names as header: [...], and skip(1).",
    }));
    places.set(trimmed, index);
  }
  if (columns === undefined) return [...places].map(([name, index]) => ({ name, index, kind: "number" }));
  return Object.entries(columns).map(([name, kind]) => {
    const index = places.get(name);
    check(index !== undefined, "data", () => {
      const known = [...places.keys()].slice(0, namesShown).map((each) => show(each));
      return {
        where: `${file}, line 1`,
        expected: `a column ${show(name)}`,
        received: `${known.join(", ")}${places.size > namesShown ? ` and ${places.size - namesShown} more` : ""}`,
      };
    });
    return { name, index, kind };
  });
}

/** Most names of columns in a message. */
const namesShown = 20;

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

// Rows ----------------------------------------------------------------------------------------------------------------

async function* textRows(file: string, source: TextSource, options: CsvOptions): AsyncGenerator<TextRow> {
  const { delimiter = ",", quote = '"', comment = "", maxRowLength = 1 << 24, maxColumns = 1 << 20 } = options;
  const splitter = new RowSplitter(file, { delimiter, quote, comment, maxRowLength, maxColumns });
  for await (const piece of textOf(() => `${file}, line ${splitter.line}`, source)) yield* splitter.push(piece);
  yield* splitter.end();
}

// Options -------------------------------------------------------------------------------------------------------------

function checkedOptions(options: CsvOptions): CsvOptions {
  const where = "csv";
  checkOptionNames(where, options, [
    "columns",
    "header",
    "delimiter",
    "quote",
    "comment",
    "missing",
    "maxRowLength",
    "maxColumns",
  ]);
  const { columns, header, delimiter = ",", quote = '"', comment = "", missing } = options;
  const { maxRowLength = 1, maxColumns = 1 } = options;
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
  check(delimiter !== quote, "option", () => ({
    where: `${where}.quote`,
    expected: "another character than the delimiter",
    received: show(quote),
  }));
  check(typeof comment === "string" && !/[\r\n]/.test(comment), "option", () => ({
    where: `${where}.comment`,
    expected: "text without line breaks",
    received: show(comment),
  }));
  check(missing === undefined || Number.isFinite(missing), "option", () => ({
    where: `${where}.missing`,
    expected: "a finite number",
    received: show(missing),
  }));
  for (const [name, value] of Object.entries({ maxRowLength, maxColumns }))
    check(Number.isSafeInteger(value) && value >= 1, "option", () => ({
      where: `${where}.${name}`,
      expected: "an integer ≥ 1",
      received: show(value),
    }));
  return options;
}
