// Do the guides lead somewhere: to files, to headings, to names that there are?

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, normalize, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import * as applications from "../../bindings/applications/index.ts";
import * as callbacks from "../../bindings/callbacks/index.ts";
import * as data from "../../bindings/data/index.ts";
import * as datasets from "../../bindings/datasets/index.ts";
import * as wasmgrad from "../../bindings/index.ts";
import * as inference from "../../bindings/inference/index.ts";
import * as worker from "../../bindings/worker/index.ts";

type Names = Readonly<Record<string, unknown>>;

const root = resolve(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const guides = [
  "README.md",
  "CONTRIBUTING.md",
  "benchmarks/README.md",
  ...["docs", "docs/decisions"].flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith(".md"))
      .map((name) => `${folder}/${name}`),
  ),
  ...readdirSync(join(root, "examples"))
    .map((name) => `examples/${name}/README.md`)
    .filter((path) => existsSync(join(root, path))),
];

const fences = /^ *```(\w*)\n([\s\S]*?)^ *```$/gm;

/** What GitHub makes of headings. */
function anchorsOf(path: string): Set<string> {
  const headings = [
    ...read(path)
      .replace(fences, "")
      .matchAll(/^#+ (.*)$/gm),
  ];
  return new Set(
    headings.map(([, text]) =>
      (text as string)
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\- ]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

describe.each(guides)("%s", (guide) => {
  it("links to files and headings that exist", () => {
    const links = [
      ...read(guide)
        .replace(fences, "")
        .matchAll(/\]\(([^)\s]+)\)/g),
    ].map(([, link]) => link as string);
    const lost = links.filter((link) => {
      if (/^https?:/.test(link)) return false;
      const [file, anchor] = link.split("#") as [string, string?];
      const path = file === "" ? guide : normalize(join(dirname(guide), file));
      return !existsSync(join(root, path)) || (anchor !== undefined && !anchorsOf(path).has(anchor));
    });
    expect(lost).toEqual([]);
  });

  it("uses names that there are", () => {
    const entries: Readonly<Record<string, Names>> = {
      wasmgrad,
      "wasmgrad/applications": applications,
      "wasmgrad/callbacks": callbacks,
      "wasmgrad/data": data,
      "wasmgrad/datasets": datasets,
      "wasmgrad/inference": inference,
      "wasmgrad/layers": wasmgrad.layers,
      "wasmgrad/worker": worker,
    };
    const imported = [...read(guide).matchAll(/import \{([^}]*)\} from "(wasmgrad[\w/]*)"/g)].flatMap(
      ([, names, entry]) =>
        (names as string)
          .split(",")
          .map((each) => each.trim().split(" as ")[0] as string)
          .filter((each) => each !== "" && !each.startsWith("type "))
          .filter((each) => !(each in (entries[entry as string] ?? {})))
          .map((each) => `${entry}: ${each}`),
    );
    expect(imported).toEqual([]);
    // In code, and in what is set as code: `layers.dense`, `ops.add`.
    const code = [...read(guide).matchAll(/```[\s\S]*?```|`[^`\n]+`/g)].map(([text]) => text).join("\n");
    const lost = [...code.matchAll(/(?<![\w./"])([a-z]+)\.([a-z]\w*)(?![\w.]*\/)/g)].flatMap(([, space, name]) => {
      const names = namespaces[space as string];
      return names === undefined || (name as string) in names ? [] : [`${space}.${name}`];
    });
    expect(lost).toEqual([]);
  });
});

it("the README leads to every guide", () => {
  const text = read("README.md");
  const all = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));
  expect(all.filter((name) => !text.includes(`docs/${basename(name)}`))).toEqual([]);
});

/** What users write a dot behind. */
const namespaces: Readonly<Record<string, Names>> = {
  constraints: wasmgrad.constraints,
  fields: wasmgrad.fields,
  initializers: wasmgrad.initializers,
  layers: wasmgrad.layers,
  losses: wasmgrad.losses,
  metrics: wasmgrad.metrics,
  ops: wasmgrad.ops,
  optimizers: wasmgrad.optimizers,
  preprocessing: wasmgrad.preprocessing,
  random: wasmgrad.random,
  regularizers: wasmgrad.regularizers,
  schedules: wasmgrad.schedules,
};
