// Are the rows of CSV files read as RFC 4180 says, and bad ones named by file, line and column?

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
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
  [{ sep: ";" } as never, "sep"],
])("options %j are refused", (options, message) => {
  expect(() => csv("x.csv", options)).toThrow(message);
});
