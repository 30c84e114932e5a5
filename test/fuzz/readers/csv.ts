// Does strange text break the reader of CSV, whatever pieces it comes in?

import { csv } from "../../../bindings/data/csv.ts";
import { mutatedBytes } from "../bytes.ts";
import type { Chance } from "../chance.ts";
import type { Reader } from "../reader.ts";

const files: readonly string[] = [
  "a,b,c\n1,2,3\n4,5,6\n",
  "a,b,c\r\n1,2,3\r\n-4.5e3,5,.6\r\n",
  '"sepal\nlength",kind\r\n5.1,"se""tosa"\r\n4.9,"x,y"\r\n',
  "x;y\n1;2\n;3\n",
  "# note\nx,y\n1,2\n# more\n3,4",
  "\ufeffid,é\n1,2\n",
  `${Array.from({ length: 60 }, (_, index) => `c${index}`).join()}\n${"1,".repeat(59)}1\n`,
  "",
];
const cells: readonly string[] = [
  ",",
  ";",
  "\n",
  "\r\n",
  "\r",
  '"',
  '""',
  '"\n',
  "#",
  "1e999",
  "NaN",
  "Infinity",
  "0x10",
  " 1 ",
  "-",
  ".",
  "é",
  "\u0000",
  "\ufeff",
  "__proto__",
  "constructor",
  "1".repeat(400),
  ",".repeat(500),
  '"'.repeat(99),
  "\n".repeat(50),
];

/** The first byte says how it is read, the rest is the file. */
function options(how: number): object {
  return {
    ...(how & 1 ? { header: false } : how & 2 ? { header: ["a", "b", "c"] } : {}),
    ...(how & 4 ? { delimiter: ";" } : {}),
    ...(how & 8 ? { comment: "#" } : {}),
    ...(how & 16 ? { missing: -1 } : {}),
    ...(how & 32 ? { columns: how & 64 ? { a: "text", b: "integer" } : { a: "text" } } : {}),
  };
}

function withCells(chance: Chance, file: Uint8Array): Uint8Array {
  const text = new TextDecoder().decode(file.subarray(1));
  const at = chance.below(text.length + 1);
  const changed = text.slice(0, at) + chance.of(cells) + text.slice(at + (chance.oneIn(2) ? 0 : chance.below(4)));
  return Uint8Array.of(chance.below(256), ...new TextEncoder().encode(changed));
}

export const csvFiles: Reader = {
  name: "csv",
  corpus: async () => files.map((text) => Uint8Array.of(0, ...new TextEncoder().encode(text))),
  mutate(chance, corpus) {
    let file = chance.of(corpus);
    for (let left = chance.below(4); left >= 0; left--)
      file = chance.oneIn(2) ? withCells(chance, file) : mutatedBytes(chance, file, chance.of(corpus));
    return file;
  },
  async read(input) {
    const [how = 0] = input;
    const piece = how & 128 ? 3 : 1000;
    async function* pieces(): AsyncGenerator<Uint8Array> {
      for (let at = 1; at < input.length; at += piece) yield input.subarray(at, at + piece);
    }
    let rows = 0;
    for await (const _ of csv(pieces as never, options(how) as never)) rows++;
    return rows;
  },
};
