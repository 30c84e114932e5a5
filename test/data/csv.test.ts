// Are the rows of CSV files read as RFC 4180 says, and bad ones named by file, line and column?

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { array, assert, asyncProperty, boolean, constantFrom, integer, oneof, string, tuple } from "fast-check";
import { expect, test } from "vitest";
import { type CsvOptions, csv } from "../../bindings/data/index.ts";

const rows = (text: string, options?: CsvOptions) => csv(() => text, options as never).toArray() as Promise<object[]>;

test("numbers, integers and text, chosen columns, quotes, and all kinds of line breaks", async () => {
  const text = 'length,kind,count\n1.5,"a, ""b""\nc",3\n-2e3, d ,4\n';
  const columns = { count: "integer", length: "number", kind: "text" } as const;
  const wanted = [
    { count: 3, length: 1.5, kind: 'a, "b"\nc' },
    { count: 4, length: -2000, kind: " d " },
  ];
  expect(await rows(text, { columns })).toEqual(wanted);
  expect(await rows(`\n${text}\n\n`, { columns })).toEqual(wanted);
  for (const line of ["\r\n", "\r"])
    expect(await rows(text.replaceAll("\n", line), { columns })).toEqual([
      { ...wanted[0], kind: `a, "b"${line}c` },
      wanted[1],
    ]);
  expect(await rows("a;b\n# left out\n1;2", { delimiter: ";", comment: "#" })).toEqual([{ a: 1, b: 2 }]);
  expect(await rows("1,2\n3,4", { header: ["a", "b"] })).toEqual([
    { a: 1, b: 2 },
    { a: 3, b: 4 },
  ]);
  expect(await rows("1,2\n3,4", { header: false })).toEqual([
    { 0: 1, 1: 2 },
    { 0: 3, 1: 4 },
  ]);
  const kinds = ["x", "y"];
  const own = { b: (text: string) => kinds.indexOf(text) };
  expect(await csv(() => "a,b\n1,y", { columns: own }).toArray()).toEqual([{ b: 1 }]);
  expect(await rows("a,b\n,4", { missing: -1 })).toEqual([{ a: -1, b: 4 }]);
  expect(await rows("a,b\n")).toEqual([]);
});

test("rows that are cut anywhere by the pieces of a stream are the same", async () => {
  const bytes = new TextEncoder().encode('name,x\r\n"ä, ö\r\n""ü""",1\r\nend,2');
  const wanted = [
    { name: 'ä, ö\r\n"ü"', x: 1 },
    { name: "end", x: 2 },
  ];
  for (const size of [1, 2, 3, 7]) {
    const stream = () =>
      new ReadableStream<Uint8Array>({
        start: (controller) => {
          for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
          controller.close();
        },
      });
    expect(await csv(stream, { columns: { name: "text", x: "number" } }).toArray()).toEqual(wanted);
  }
});

test("files, file addresses, blobs and data addresses are sources, and each pass reads them again", async () => {
  const folder = await mkdtemp(join(tmpdir(), "wasmgrad-csv-"));
  try {
    const path = join(folder, "pairs.csv");
    await writeFile(path, "a,b\n1,2\n");
    for (const source of [path, pathToFileURL(path), new Blob(["a,b\n1,2\n"]), "data:text/csv,a%2Cb%0A1%2C2"]) {
      const dataset = csv(source);
      expect(await dataset.toArray()).toEqual([{ a: 1, b: 2 }]);
      expect(await dataset.toArray()).toEqual([{ a: 1, b: 2 }]);
    }
    await writeFile(path, "a,b\n1,2\n3,x\n");
    await expect(csv(path).toArray()).rejects.toThrow(`${path}, line 3, column "b": expected a number, received "x"`);
    await expect(csv(join(folder, "none.csv")).toArray()).rejects.toThrow("no such file");
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a large file is read piece by piece", async () => {
  let asked = 0;
  const dataset = csv(async function* () {
    yield "a\n";
    for (;;) {
      asked++;
      yield "1\n2\n";
    }
  });
  expect(await dataset.skip(10).take(3).toArray()).toEqual([{ a: 1 }, { a: 2 }, { a: 1 }]);
  expect(asked).toBeLessThanOrEqual(8);
});

test.each<[string, string, CsvOptions, string]>([
  [
    "a cell too many",
    'a,b\n"1\n",2\n1,2,3\n',
    { columns: { b: "number" } },
    "text, line 4: expected 2 cells, received 3",
  ],
  ["no number", "a,b\n1,2\n1,two\n", {}, 'text, line 3, column "b": expected a number, received "two"'],
  ["no integer", "a\n1.5", { columns: { a: "integer" } }, 'line 2, column "a": expected an integer'],
  ["infinity", "a\nInfinity", {}, "expected a number"],
  ["an empty cell", "a,b\n1,\n", {}, "expected a number, received an empty cell"],
  ["a missing column", "a,b\n1,2", { columns: { c: "number" } }, 'a column "c"'],
  ["a column twice", "a, a\n1,2", {}, 'two columns "a"'],
  ["an open quote", 'a,b\n1,"2\n3,4', {}, "text, line 2"],
  ["a quote within", 'a,b\n1,"2"3\n', {}, "text, line 2"],
])("%s is an error at its place", async (_, text, options, message) => {
  await expect(rows(text, options)).rejects.toThrow(message);
});

test("bytes that are no UTF-8 are refused", async () => {
  await expect(csv(new Blob([new Uint8Array([0x61, 0x0a, 0xff])])).toArray()).rejects.toThrow("text in UTF-8");
});

test.each<[CsvOptions, string]>([
  [{ columns: { a: "float" } } as never, "csv.columns"],
  [{ delimiter: "," + "," }, "csv.delimiter"],
  [{ header: [] }, "csv.header"],
  [{ missing: Number.NaN }, "csv.missing"],
  [{ quote: "," }, "csv.quote"],
  [{ comment: "\n" }, "csv.comment"],
  [{ maxRowLength: 0 }, "csv.maxRowLength"],
  [{ maxColumns: 1.5 }, "csv.maxColumns"],
  [{ sep: ";" } as never, "sep"],
])("options %j are refused", (options, message) => {
  expect(() => csv("x.csv", options)).toThrow(message);
});

const breaks = ["\n", "\r\n", "\r"] as const;
const cell = oneof(
  string({ maxLength: 6 }),
  array(constantFrom('"', ",", "\n", "\r", "\r\n", "\uFEFF", " ", "a", "é", "🦆")).map((each) => each.join("")),
);
const table = tuple(integer({ min: 1, max: 4 }), integer({ min: 1, max: 6 })).chain(([columns, count]) =>
  array(array(cell, { minLength: columns, maxLength: columns }), { minLength: count, maxLength: count }),
);

/** A cell as RFC 4180 writes it; quotes where they are needed, or also where they are not. */
function written(text: string, quotes: boolean): string {
  return quotes || text === "" || /[",\r\n\uFEFF]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The bytes of `text` in pieces of these sizes, taken round and round. */
async function* cut(text: string, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  for (let [at, turn] = [0, 0]; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] as number;
    yield bytes.slice(at, at + size);
    at += size;
  }
}

test("any table, however its lines end and wherever pieces cut it, reads back exactly", async () => {
  const ends = array(constantFrom(...breaks), { minLength: 1, maxLength: 3 });
  const sizes = array(integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 });
  await assert(
    asyncProperty(
      table,
      ends,
      sizes,
      boolean(),
      boolean(),
      boolean(),
      async (cells, lineEnds, pieces, mark, all, last) => {
        const lines = cells.map((row) => row.map((text) => written(text, all)).join());
        const joined = lines
          .map((line, index) => (index < lines.length - 1 || last ? line + lineEnds[index % lineEnds.length] : line))
          .join("");
        const names = (cells[0] as string[]).map((_, index) => `c${index}`);
        const columns = Object.fromEntries(names.map((name) => [name, "text" as const]));
        const read = await csv(() => cut(`${mark ? "\uFEFF" : ""}${joined}`, pieces), {
          columns,
          header: names,
        }).toArray();
        expect(read.map((row) => names.map((name) => row[name]))).toEqual(cells);
      },
    ),
    { numRuns: 2000 },
  );
});

test("the line break of a row is not looked for within quotes", async () => {
  const columns = { kind: "text" } as const;
  expect(await rows('"sepal\nlength",kind\r\n5.1,setosa\r\n', { columns })).toEqual([{ kind: "setosa" }]);
  expect(await rows('"a\r\nb",x\n1,2\n3,4\n', { columns: { x: "number" } })).toEqual([{ x: 2 }, { x: 4 }]);
  expect(await rows("a,b\r1,2\n3,4\r\n\r\n5,6\r")).toEqual([
    { a: 1, b: 2 },
    { a: 3, b: 4 },
    { a: 5, b: 6 },
  ]);
  expect(await rows("\uFEFFa,b\n1,2")).toEqual([{ a: 1, b: 2 }]);
  expect(await rows('a\n""\n\nx', { columns: { a: "text" } })).toEqual([{ a: "" }, { a: "x" }]);
  expect(await rows('a,b\n"x" ,"y"  \n', { columns: { a: "text", b: "text" } })).toEqual([{ a: "x", b: "y" }]);
  await expect(rows('a,b\n"x\r\ny",1\rz,?')).rejects.toThrow('text, line 2, column "a"');
  await expect(
    rows('b\n1\r"\r2\n3\r\n"\r\n?', { columns: { b: (text) => text.length } }).then((read) => read.length),
  ).resolves.toBe(3);
  await expect(rows('b,c\n1,"\r2\n3\r\n4"\r\n?')).rejects.toThrow("text, line 2, column");
});

test("lines are counted by all kinds of breaks, within quotes too", async () => {
  for (const end of breaks)
    await expect(rows(`a,k${end}1,"x${end}${end}y"${end}${end}?,z`, { columns: { a: "number" } })).rejects.toThrow(
      "text, line 6,",
    );
  for (const size of [1, 2, 100])
    await expect(csv(() => cut('a,b\n"x\rb\ny\r\n\r""\n",1\n1,zz\n', [size]), { columns: { b: "integer" } }).toArray())
      .rejects.toThrow("text, line 8,"); // biome-ignore format: one call
});

test("comments are found wherever pieces cut them", async () => {
  for (const size of [1, 2, 3, 5]) {
    const dataset = csv(() => cut("##x\na,b\n#1,2\r\n## y\r##\n3,4\n#", [size]), {
      comment: "##",
      columns: { b: "text" },
    });
    await expect(dataset.toArray()).rejects.toThrow("text, line 7: expected 2 cells, received 1");
    expect(await dataset.take(2).toArray()).toEqual([{ b: "2" }, { b: "4" }]);
  }
});

test("rows beyond the limits are refused as soon as they are", async () => {
  let given = 0;
  const endless = (piece: string) =>
    async function* () {
      for (;;) {
        given += piece.length;
        yield piece;
      }
    };
  for (const [piece, message] of [
    ["x".repeat(1 << 16), "line 1: expected a row of at most 16777216 characters"],
    [`"${"x,\n".repeat(1 << 14)}`.slice(0, -1), "line 1: expected"],
    [",".repeat(1 << 16), "line 1: expected a row of at most 1048576 cells"],
  ] as const) {
    given = 0;
    const begun = performance.now();
    await expect(csv(endless(piece)).toArray()).rejects.toThrow(message);
    expect(given).toBeLessThan((1 << 24) + (1 << 18));
    expect(performance.now() - begun).toBeLessThan(5000);
  }
  await expect(rows("abc\n123", { maxRowLength: 2 })).rejects.toThrow("maxRowLength");
  expect(await rows("abc\n123\n", { maxRowLength: 3 })).toEqual([{ abc: 123 }]);
  await expect(rows("a,b,c\n", { maxColumns: 2 })).rejects.toThrow("maxColumns");
  expect(await rows("a,b\n1,2", { maxColumns: 2 })).toEqual([{ a: 1, b: 2 }]);
});

test("a hundred thousand columns take a time in proportion", async () => {
  const names = Array.from({ length: 100_000 }, (_, index) => `c${index}`);
  const begun = performance.now();
  const [row] = (await rows(`${names.join()}\n${names.map((_, index) => index).join()}\n`)) as Record<string, number>[];
  expect(row?.c99999).toBe(99_999);
  expect(performance.now() - begun).toBeLessThan(10_000);
  await expect(rows(names.join(), { columns: { x: "number" } })).rejects.toThrow(/"c19" and 99980 more/);
});

test("a stream that breaks off names the source, the line and the bytes read", async () => {
  const { createServer } = await import("node:http");
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-length": "1000" });
    response.write("a,b\n1,2\n3,", () => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const address = `http://127.0.0.1:${(server.address() as { port: number }).port}/x.csv`;
    const expected = {
      name: "TensorError",
      code: "data",
      where: `${address}, line 3`,
      received: expect.stringMatching(/^10 bytes, then /),
    };
    await expect(csv(address).toArray()).rejects.toMatchObject(expected);
    const fetched = async () => (await fetch(address)).body as ReadableStream<Uint8Array>;
    await expect(csv(fetched).toArray()).rejects.toMatchObject({ ...expected, where: "text, line 3" });
  } finally {
    server.close();
  }
});

test("pieces of a stream are text or bytes, and counted as what they are", async () => {
  const streamed = (pieces: readonly unknown[]): Promise<unknown> => {
    const left = [...pieces];
    const pull = (controller: ReadableStreamDefaultController): void => {
      if (left.length > 0) controller.enqueue(left.shift());
      else controller.error(new Error("the end"));
    };
    return csv(() => new ReadableStream({ pull }, { highWaterMark: 0 }), { columns: { a: "text" } }).toArray();
  };
  for (const piece of [null, undefined, 5, [1]])
    await expect(streamed(["a\n", piece])).rejects.toThrow(
      "text, line 2: expected pieces that are text or a Uint8Array",
    );
  await expect(streamed(["a\n", "äöü\n"])).rejects.toThrow("received 6 characters, then the end.");
  await expect(streamed([new TextEncoder().encode("ä")])).rejects.toThrow("received 2 bytes, then the end.");
  await expect(streamed(["a"])).rejects.toThrow("received 1 character, then the end.");
});
