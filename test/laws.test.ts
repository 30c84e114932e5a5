// Does the source keep the laws of the design that no compiler checks?

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import * as code from "../assembly/opcodes.ts";
import type { Lowering, Word } from "../bindings/compiler/instruction.ts";
import type { SymbolicTensor } from "../bindings/graph.ts";
import { oneNodePerOpcode } from "./harness/oneNodePerOpcode.ts";

const root = resolve(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** All source files below `folder`, relative to the repository. */
function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.parentPath.includes("node_modules"))
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !entry.name.endsWith(".d.ts"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

/** A source without comments, strings kept: a law speaks about code. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}

/** Files that `path` imports at run time or for types, relative to the repository. */
function importsOf(path: string): string[] {
  return [...withoutComments(read(path)).matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map(([, target]) =>
    relative(root, resolve(root, dirname(path), target as string)),
  );
}

const bindings = sources("bindings");

// Opcodes -------------------------------------------------------------------------------------------------------------

/** The opcodes of instructions: the constants before the element types. */
const instructionNames = [
  ...read("assembly/opcodes.ts")
    .split("// Element types")[0]!
    .matchAll(/export const (\w+)/g),
].map(([, name]) => name as string);

/** Class of each overlay, with fields in order: those of every `class X extends Instruction` in the kernels. */
const overlays = new Map<
  string,
  { readonly file: string; readonly fields: readonly { readonly name: string; readonly type: string }[] }
>(
  sources("assembly/kernels").flatMap((file) =>
    [...withoutComments(read(file)).matchAll(/class (\w+) extends Instruction \{([^}]*)\}/g)].map(
      ([, name, body]) =>
        [
          name as string,
          {
            file,
            fields: [...(body as string).matchAll(/(\w+): (\w+);/g)].map(([, field, type]) => ({
              name: field as string,
              type: type as string,
            })),
          },
        ] as const,
    ),
  ),
);

/** ScatterAdd for SCATTER_ADD; MAP's class has a longer name because Map is taken. */
function overlayOf(opcode: string): string {
  const special: Readonly<Record<string, string>> = { MAP: "MapInstruction", MATMUL: "MatMul", RMSPROP: "RmsProp" };
  return special[opcode] ?? opcode.toLowerCase().replace(/(^|_)(\w)/g, (_, __, letter: string) => letter.toUpperCase());
}

const sizeOfWord = (word: Word): number => (typeof word === "object" && word.kind === "double" ? 8 : 4);
const sizeOfField = (type: string): number => (type === "f64" || type === "u64" || type === "i64" ? 8 : 4);
/** Names on the two sides that differ for a reason. */
const sameField = (field: string, operand: string): boolean =>
  field === operand || (field === "pad" && operand === "padding");

describe("every instruction", () => {
  const nodes = oneNodePerOpcode();
  const names = instructionNames.filter((name) => name !== "SYNC");

  it("has its own number and a case in the machine", () => {
    const numbers = instructionNames.map((name) => (code as unknown as Record<string, number>)[name]);
    expect(new Set(numbers).size).toBe(numbers.length);
    const machine = withoutComments(read("assembly/machine.ts"));
    for (const name of instructionNames) expect(machine, name).toMatch(new RegExp(`case ${name}:`));
  });

  it.each(names)(
    "%s is lowered in bindings/ops or bindings/compiler, with the operands of its overlay in order and size",
    (name) => {
      const lowerings = nodes
        .flatMap((node): readonly Lowering[] => (node as SymbolicTensor).op.lower?.(node, nodes) ?? [])
        .filter(({ opcode }) => opcode === (code as unknown as Record<string, number>)[name]);
      expect(lowerings.length, `no lowering: add a node to test/harness/oneNodePerOpcode.ts`).toBeGreaterThan(0);
      const overlay = overlays.get(overlayOf(name));
      expect(overlay, `class ${overlayOf(name)} extends Instruction`).toBeDefined();
      for (const { operands } of lowerings) {
        // The class of CUSTOM is the beginning of those that users write.
        const entries = Object.entries(operands).slice(0, name === "CUSTOM" ? overlay?.fields.length : undefined);
        expect(entries.map(([operand]) => operand)).toHaveLength(overlay?.fields.length ?? 0);
        let offset = 16;
        entries.forEach(([operand, word], index) => {
          const field = overlay?.fields[index] as { name: string; type: string };
          expect(sameField(field.name, operand), `${overlayOf(name)}.${field.name} is written as ${operand}`).toBe(
            true,
          );
          expect(sizeOfWord(word), `bytes of ${field.name}`).toBe(sizeOfField(field.type));
          if (sizeOfField(field.type) === 8) expect(offset % 8, `${field.name} is aligned`).toBe(0);
          if (field.type === "f32")
            expect(typeof word === "object" && word.kind, `${field.name} is a float`).toBe("float");
          offset += sizeOfField(field.type);
        });
        expect(offset).toBeLessThanOrEqual(128);
      }
    },
  );

  it("is all that the kernels know: no overlay is left over", () => {
    expect([...overlays.keys()].sort()).toEqual(names.map(overlayOf).sort());
  });

  it.each(["MAP"])("%s codes all have a step in the kernel and an operation that uses them", () => {
    const section = read("assembly/opcodes.ts").split("// MAP: float32 → float32")[1]?.split("// REDUCE ---")[0] ?? "";
    const codes = [...section.matchAll(/export const (\w+)/g)].map(([, each]) => each as string);
    expect(codes.length).toBeGreaterThan(50);
    const kernel = ["mapSteps", "mapLongSteps"]
      .map((name) => withoutComments(read(`assembly/kernels/${name}.ts`)))
      .join("\n");
    const users = bindings
      .filter((path) => path.startsWith("bindings/ops/"))
      .map(read)
      .join("\n");
    for (const each of codes) {
      expect(kernel, each).toMatch(new RegExp(`case code\\.${each}:`));
      expect(users, each).toMatch(new RegExp(`code\\.${each}\\b`));
    }
  });
});

// Rooms ---------------------------------------------------------------------------------------------------------------

describe("every operation with a kernel", () => {
  it("has the same name in assembly, bindings and tests", () => {
    for (const { file } of overlays.values()) {
      expect(existsSync(join(root, "bindings/ops", basename(file))), `bindings/ops/${basename(file)}`).toBe(true);
      expect(existsSync(join(root, "test/ops", basename(file, ".ts").concat(".test.ts"))), `test/ops of ${file}`).toBe(
        true,
      );
    }
    for (const path of bindings.filter((each) => dirname(each) === "bindings/ops" && /opcode: code\./.test(read(each))))
      expect(existsSync(join(root, "test/ops", basename(path, ".ts").concat(".test.ts"))), `test/ops of ${path}`).toBe(
        true,
      );
  });
});

describe("imports", () => {
  const offending = (from: (path: string) => boolean, to: (target: string) => boolean): string[] =>
    bindings.filter(from).flatMap((path) =>
      importsOf(path)
        .filter(to)
        .map((target) => `${path} → ${target}`),
    );
  const inFolder =
    (...folders: string[]) =>
    (path: string): boolean =>
      folders.some((folder) => path.startsWith(`bindings/${folder}`));

  it("lead from layers, losses and optimizers to ops to graph, never back", () => {
    const above = inFolder(
      "layers/",
      "models/",
      "callbacks/",
      "datasets/",
      "formats/",
      "losses",
      "metrics",
      "optimizers",
      "schedules",
      "initializers",
      "regularizers",
      "constraints",
    );
    expect(offending(inFolder("ops/"), above)).toEqual([]);
    expect(offending(inFolder("compiler/"), above)).toEqual([]);
    expect(
      offending(
        (path) => /^bindings\/(graph|gradient|tensor|variable|engine|errors|compiled|boundedCache)\.ts$/.test(path),
        above,
      ),
    ).toEqual([]);
    expect(
      offending(
        inFolder("layers/", "losses", "metrics", "optimizers", "schedules", "activations"),
        inFolder("compiler/", "models/", "engine"),
      ),
    ).toEqual([]);
  });

  it("know the compiler in ops only by the types of instructions", () => {
    expect(
      offending(
        inFolder("ops/"),
        (target) => target.startsWith("bindings/compiler/") && target !== "bindings/compiler/instruction.ts",
      ),
    ).toEqual([]);
  });

  it("make no circles, about which bundlers would warn", () => {
    const value = (path: string): string[] =>
      [...withoutComments(read(path)).matchAll(/(?:import|export)\s+(type\s)?[^"';]*?from\s*"(\.[^"]+\.ts)"/g)]
        .filter(([text, type]) => type === undefined && !/\{(\s*type [^,}]+,?)+\s*\}/.test(text))
        .map(([, , target]) => relative(root, resolve(root, dirname(path), target as string)));
    const done = new Set<string>();
    const visit = (path: string, above: readonly string[]): string[] => {
      if (above.includes(path)) return [[...above.slice(above.indexOf(path)), path].join(" → ")];
      if (done.has(path) || !bindings.includes(path)) return [];
      const found = value(path).flatMap((next) => visit(next, [...above, path]));
      done.add(path);
      return found;
    };
    expect(bindings.flatMap((path) => visit(path, []))).toEqual([]);
  });

  it("keep errors and tensors at the bottom", () => {
    for (const path of ["bindings/brands.ts", "bindings/errors.ts"]) expect(importsOf(path)).toEqual([]);
    expect(importsOf("bindings/tensor.ts")).toEqual(["bindings/brands.ts", "bindings/errors.ts"]);
  });

  it("never name the entry: nothing imports bindings/index.ts", () => {
    expect(
      offending(
        () => true,
        (target) => target === "bindings/index.ts",
      ),
    ).toEqual([]);
  });

  it("read assembly only through opcodes.ts", () => {
    expect(
      offending(
        () => true,
        (target) => target.startsWith("assembly/") && target !== "assembly/opcodes.ts",
      ),
    ).toEqual([]);
    expect(importsOf("assembly/opcodes.ts")).toEqual([]);
  });
});

describe("nobody but", () => {
  const using = (pattern: RegExp, paths: readonly string[] = bindings): string[] =>
    paths.filter((path) => pattern.test(withoutComments(read(path))));

  it("the engine, kernels of users, workers and platforms touch WebAssembly", () => {
    const allowed = /^bindings\/(engine|heap|kernelModules|kernelTable)\.ts$|^bindings\/platform\//;
    expect(
      using(/\bWebAssembly\.(Memory|Instance|Module|instantiate|compile)/).filter((path) => !allowed.test(path)),
    ).toEqual([]);
  });

  it("machines make code: no eval, no new Function", () => {
    expect(using(/\beval\s*\(|new Function\b|\bFunction\s*\(|setTimeout\s*\(\s*"/)).toEqual([]);
  });

  it("the global seed decides: no Math.random", () => {
    /** Where the global seed itself is drawn when nobody gives one. */
    const allowed = ["bindings/seed.ts"];
    expect(using(/Math\.random|crypto\.getRandomValues/).filter((path) => !allowed.includes(path))).toEqual([]);
  });

  /** Functions of Math that may differ between engines, and who may call them because no weight depends on it. */
  const allowedMath: Readonly<Record<string, string>> = {
    "bindings/metrics/areaUnderCurve.ts": "the area under precision over recall holds a logarithm; only people read it",
  };

  it("functions that all engines compute alike touch a weight", () => {
    const inexact =
      /Math\.(pow|exp|expm1|log|log1p|log2|log10|sin|cos|tan|asin|acos|atan|atan2|sinh|cosh|tanh|asinh|acosh|atanh|cbrt|hypot)\b/;
    expect(using(inexact).filter((path) => allowedMath[path] === undefined)).toEqual([]);
    const power = /[\w)\]]\s\*\*\s/;
    const exact = /\b(2|10|1024) \*\* /g;
    expect(bindings.filter((path) => power.test(withoutComments(read(path)).replace(exact, "")))).toEqual([]);
  });

  it("one file writes error messages: others throw TensorErrors", () => {
    /** Defects of the compiler itself, with a reason. */
    const allowed: Readonly<Record<string, string>> = {
      "bindings/ops/map.ts": "a gradient after fusion is a defect of the compiler",
      "bindings/kernelTable.ts": "what a user's kernel threw becomes a TensorError where the operation is known",
      "bindings/compiler/direct.ts": "a cycle is a defect of the compiler",
      "bindings/platform/thread.ts": "a script of its own, which does not bring the messages along",
    };
    expect(using(/throw new (Error|TypeError|RangeError)\b/).filter((path) => allowed[path] === undefined)).toEqual([]);
  });
});

describe("the edge's platform", () => {
  const exportsOf = (path: string): string[] =>
    [...read(path).matchAll(/^export (?:async )?(?:function|const) (\w+)/gm)].map(([, name]) => name as string).sort();
  const files = sources("bindings/platform/edge").map((path) => basename(path));

  it.each(files)("has in %s all that the file of the same name has", (name) => {
    const there = exportsOf(`bindings/platform/${name}`);
    expect(there.length).toBeGreaterThan(0);
    const here = exportsOf(`bindings/platform/edge/${name}`);
    expect(there.filter((each) => !here.includes(each))).toEqual([]);
  });

  it("has a file instead of each that needs Node or bytes of Wasm", () => {
    const needy = sources("bindings").filter((path) =>
      /[`"]node:|new WebAssembly\.Module/.test(
        withoutComments(read(path).replace(/typeof import\("node:[^)]*\)/g, "")),
      ),
    );
    expect(needy.filter((path) => !files.includes(basename(path)) || dirname(path) !== "bindings/platform")).toEqual(
      [],
    );
  });
});

describe("files", () => {
  const all = [...bindings, ...sources("assembly"), ...sources("test")];

  it("have at most 500 lines", () => {
    const long = all.filter((path) => read(path).split("\n").length > 501);
    expect(long).toEqual([]);
  });

  it("begin with what they are", () => {
    const mute = all.filter((path) => !/^\/\/ [^\n]*/.test(read(path)));
    expect(mute).toEqual([]);
  });

  it("are not named after nothing", () => {
    expect(all.filter((path) => /(^|\/)(utils?|helpers?|common|misc|manager)\b/i.test(path))).toEqual([]);
  });
});
