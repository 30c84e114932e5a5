// How is the text of a CSV file split into rows of cells, wherever the pieces of a stream cut it (RFC 4180)?
//
// A row ends at \n, \r\n or \r outside quotes, whichever comes, row by row; what stands within quotes is taken as it stands.

import { TensorError } from "../errors.ts";

/** One row of a file. */
export interface TextRow {
  readonly cells: readonly string[];
  /** Number of its first line in the file, from 1. */
  readonly line: number;
}

/** How {@link RowSplitter} splits. */
export interface RowRules {
  /** One character. */
  readonly delimiter: string;
  /** One character. */
  readonly quote: string;
  /** Lines that begin with it are left out; "" for none. */
  readonly comment: string;
  /** Most characters of a row. */
  readonly maxRowLength: number;
  /** Most cells of a row. */
  readonly maxColumns: number;
}

const [newline, carriageReturn, space] = [0x0a, 0x0d, 0x20];

/** Where the next character stands: `quote` is right behind a quote that ends a cell or is the first of two. */
type Place = "line" | "cell" | "plain" | "quoted" | "quote" | "spaces" | "comment";

/** Splits text that comes in pieces. Each character is looked at once, however the text is cut. */
export class RowSplitter {
  /** Number of the line that the next character is in, from 1. */
  line = 1;
  private readonly file: string;
  private readonly rules: RowRules;
  private readonly twoQuotes: RegExp;
  private place: Place = "line";
  private cells: string[] = [];
  /** The part of the cell under way that stood in earlier pieces, with its doubled quotes. */
  private cell = "";
  private quoted = false;
  private doubled = false;
  /** Characters that the row under way has in earlier pieces. */
  private length = 0;
  private firstLine = 1;
  /** The beginning of a line that may become a comment. */
  private held = "";
  /** Whether the last character was \r: a \n behind it belongs to the same line break. */
  private returned = false;
  private begun = false;

  /** @param file begins the messages of errors. */
  constructor(file: string, rules: RowRules) {
    this.file = file;
    this.rules = rules;
    const code = `\\u${rules.quote.charCodeAt(0).toString(16).padStart(4, "0")}`;
    this.twoQuotes = new RegExp(code + code, "g");
  }

  /** The rows that end in the next piece. @throws {TensorError} `data` for a stray quote or a row beyond the limits. */
  *push(piece: string): Generator<TextRow> {
    const text = this.held + piece;
    this.held = "";
    if (text === "") return;
    // A byte order mark is not part of the text.
    const first = !this.begun && text.startsWith("\uFEFF") ? 1 : 0;
    this.begun = true;
    yield* this.scan(text, first, false);
  }

  /** The last row, where no line break ends it. @throws {TensorError} `data` for a quote that nothing closes. */
  *end(): Generator<TextRow> {
    const text = this.held;
    this.held = "";
    yield* this.scan(text, 0, true);
    if (this.place === "quoted") throw this.error(`a quote ${this.rules.quote} that is closed`, "the end of the file");
    const last = this.place === "line" || this.place === "comment" ? undefined : this.endRow("");
    if (last !== undefined) yield last;
  }

  private *scan(text: string, first: number, last: boolean): Generator<TextRow> {
    const { delimiter, quote, comment, maxRowLength } = this.rules;
    const [delimiterCode, quoteCode] = [delimiter.charCodeAt(0), quote.charCodeAt(0)];
    // `begin` is where the cell under way begins, `limit` where the row is too long.
    let [at, begin, limit] = [first, first, maxRowLength - this.length];
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (this.place === "quoted") {
        if (code === quoteCode) this.place = "quote";
        else if (code <= carriageReturn) this.countLine(code);
        else this.returned = false;
        if (at >= limit) throw this.tooLong();
        continue;
      }
      if (this.place === "line") {
        if (code === newline && this.returned) {
          this.returned = false;
          continue;
        }
        this.returned = false;
        if (comment !== "" && text.startsWith(comment, at)) this.place = "comment";
        else if (!last && comment !== "" && comment.startsWith(text.slice(at, at + comment.length))) {
          this.held = text.slice(at);
          return;
        } else this.place = "cell";
        [begin, limit, this.firstLine] = [at, at + maxRowLength, this.line];
      }
      if (code === newline || code === carriageReturn) {
        const row = this.place === "comment" ? undefined : this.endRow(text.slice(begin, at));
        this.place = "line";
        this.countLine(code);
        if (row !== undefined) yield row;
        continue;
      }
      if (this.place === "comment") continue;
      if (at >= limit) throw this.tooLong();
      if (code === delimiterCode) {
        this.endCell(text.slice(begin, at));
        begin = at + 1;
        this.place = "cell";
      } else if (this.place === "cell") {
        this.quoted = code === quoteCode;
        this.place = this.quoted ? "quoted" : "plain";
        if (this.quoted) begin = at + 1;
      } else if (this.place === "quote" && code === quoteCode) {
        this.doubled = true;
        this.returned = false;
        this.place = "quoted";
      } else if (this.place !== "plain") {
        if (code !== space)
          throw this.error("a delimiter or a line break after the quote that ends a cell", JSON.stringify(text[at]));
        this.place = "spaces";
      }
    }
    if (this.place === "line" || this.place === "comment") this.length = 0;
    else {
      this.length = maxRowLength - limit + text.length;
      this.cell += text.slice(begin);
    }
  }

  /** Counts a line break, \r\n as one. */
  private countLine(code: number): void {
    if (code === carriageReturn || (code === newline && !this.returned)) this.line++;
    this.returned = code === carriageReturn;
  }

  private endCell(rest: string): void {
    const { cells, rules } = this;
    if (cells.length === rules.maxColumns)
      throw this.error(
        `a row of at most ${rules.maxColumns} cells`,
        "more",
        "Look at the delimiter, or raise maxColumns.",
      );
    const text = this.cell + rest;
    const content = this.quoted ? text.slice(0, text.lastIndexOf(rules.quote)) : text;
    cells.push(this.doubled ? content.replace(this.twoQuotes, rules.quote) : content);
    [this.cell, this.quoted, this.doubled, this.returned] = ["", false, false, false];
  }

  /** The row that ends; undefined for an empty line. */
  private endRow(rest: string): TextRow | undefined {
    const blank = this.cells.length === 0 && this.place === "cell";
    if (blank) return undefined;
    this.endCell(rest);
    const row = { cells: this.cells, line: this.firstLine };
    this.cells = [];
    return row;
  }

  private tooLong(): TensorError {
    const { maxRowLength, quote } = this.rules;
    const remedy = `Look for a quote ${quote} that nothing closes, or raise maxRowLength.`;
    return this.error(`a row of at most ${maxRowLength} characters`, "more", remedy);
  }

  private error(
    expected: string,
    received: string,
    remedy: string = `A quote ${this.rules.quote} within a cell must be doubled, and the cell be in quotes.`,
  ): TensorError {
    return new TensorError("data", { where: `${this.file}, line ${this.firstLine}`, expected, received, remedy });
  }
}
