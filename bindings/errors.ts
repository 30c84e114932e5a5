// What went wrong, where, and what can be done? The only place where the form of a message is written.

/** What kind of mistake a {@link TensorError} reports. */
export type ErrorCode =
  | "shape" // sizes or ranks do not fit
  | "dtype" // element types do not fit
  | "option" // an option has a value that it cannot have
  | "name" // an unknown name of a layer, loss, optimizer …
  | "data" // the data hold something they must not (NaN, a label out of range)
  | "state" // called too early, or after dispose
  | "memory" // not enough WebAssembly memory
  | "format" // a file is damaged or of another kind
  | "unsupported" // valid elsewhere, not supported here
  | "internal"; // a defect of wasmgrad

/** The parts of a message: `<where>: expected <expected>, received <received>. <remedy>` */
export interface ErrorParts {
  /** Path of the layer or name of the function, outermost first: `sequential/dense_1`. */
  readonly where: string;
  /** What would have been right. */
  readonly expected: string;
  /** What was there instead. */
  readonly received: string;
  /** What the caller can do about it: one sentence. */
  readonly remedy?: string;
}

/** Every error that wasmgrad raises. `code` tells the kind, the other fields tell the parts of the message. */
export class TensorError extends Error implements ErrorParts {
  /** The kind of mistake, to branch on: `"shape"`, `"dtype"`, `"option"` … */
  readonly code: ErrorCode;
  readonly where: string;
  readonly expected: string;
  readonly received: string;
  readonly remedy?: string;

  constructor(code: ErrorCode, parts: ErrorParts, options?: ErrorOptions) {
    super(message(parts), options);
    this.name = "TensorError";
    this.code = code;
    this.where = parts.where;
    this.expected = parts.expected;
    this.received = parts.received;
    if (parts.remedy !== undefined) this.remedy = parts.remedy;
  }
}

function message(parts: ErrorParts): string {
  const text = `${parts.where}: expected ${parts.expected}, received ${parts.received}.`;
  return parts.remedy === undefined ? text : `${text} ${parts.remedy}`;
}

/** Throws a {@link TensorError} of `code` unless `condition` holds. */
export function check(condition: boolean, code: ErrorCode, parts: () => ErrorParts): asserts condition {
  if (!condition) throw new TensorError(code, parts());
}

/** The error for an unknown name, with the nearest known one as the remedy: `Did you mean "adam"?` */
export function unknownName(where: string, kind: string, name: unknown, known: readonly string[]): TensorError {
  // Nobody mistypes a text that long, and comparing takes time.
  const text = typeof name === "string" && name.length <= 100 ? name.toLowerCase() : undefined;
  const nearest = (text === undefined ? [] : known)
    .map((candidate) => ({ candidate, distance: editDistance(text ?? "", candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0];
  const near = nearest !== undefined && nearest.distance <= Math.max(2, Math.floor((text ?? "").length / 3));
  return new TensorError("name", {
    where,
    expected: `the name of ${kind} (${known.join(", ")})`,
    received: show(name),
    ...(near ? { remedy: `Did you mean "${nearest.candidate}"?` } : {}),
  });
}

/** How a value looks in a message: short, and never the whole array. Never throws, whatever the value is. */
export function show(value: unknown): string {
  try {
    return described(value);
  } catch {
    // A proxy or a getter that throws.
    return typeof value === "function" ? "a function" : "an object";
  }
}

function described(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}…` : value);
  if (typeof value === "bigint") return `${shortened(String(value))}n`;
  if (typeof value === "function") return shortened(`a function ${value.name}`.trim());
  if (Array.isArray(value)) {
    const plain = value.length <= 8 && value.every((item) => item === null || !/^[fo]/.test(typeof item));
    const text = plain ? `[${value.map(described).join(", ")}]` : "";
    return plain && text.length <= 200 ? text : `an array of ${value.length}`;
  }
  if (typeof value !== "object" || value === null) return shortened(String(value));
  // Not `value.constructor`: JSON can hold that.
  const made: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  const name = typeof made === "string" && made !== "" ? shortened(made.replace(/^_/, "")) : "an object";
  if (!ArrayBuffer.isView(value)) return name;
  return `${name} of ${(value as Partial<Uint8Array>).length ?? value.byteLength}`;
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** `1536` → `1.5 KiB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  let power = 0;
  while (power < units.length - 1 && bytes >= 1024 ** (power + 1)) power++;
  return `${Number((bytes / 1024 ** power).toPrecision(3))} ${units[power]}`;
}

/** Levenshtein's distance: insertions, deletions and substitutions that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substitution, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
