// Whatever a public function is given, it does something with it or throws a TensorError: never another error.

import { describe, expect, test } from "vitest";
import * as callbacks from "../../bindings/callbacks/index.ts";
import { show, TensorError } from "../../bindings/errors.ts";
import { constant, withTrace } from "../../bindings/graph.ts";
import * as wasmgrad from "../../bindings/index.ts";
import { junk, untouchable, withHole } from "./junk.ts";

type Any = (...args: never[]) => unknown;

const { constraints, initializers, layers, losses, metrics, ops, optimizers, random, regularizers, schedules } =
  wasmgrad;
const namespaces = {
  constraints,
  initializers,
  layers,
  losses,
  metrics,
  optimizers,
  regularizers,
  schedules,
  callbacks,
};

/** Parts of the inside that a namespace lets see; what is registered here would stay for other tests. */
const apart = ["byShapes", "registerOptimizer"];

/** The functions of a namespace by name. */
function functionsOf(namespace: object): [string, Any][] {
  return Object.entries(namespace).filter(
    ([name, value]) => typeof value === "function" && !/^class /.test(`${value}`) && !apart.includes(name),
  );
}

/** What promises that the calls have returned reject with, looked at in the end. */
const rejections: Promise<string[]>[] = [];

/** The error as text, unless it is a TensorError. */
function bare(name: string, what: string, error: unknown): string[] {
  if (error instanceof TensorError) return [];
  return [
    `${name}(${what}): ${String((error as Error).stack)
      .split("\n")
      .slice(0, 4)
      .join(" | ")}`,
  ];
}

/** The arguments with which `call` throws anything but a TensorError. */
function bareErrors(name: string, call: Any, lists: readonly (readonly [string, readonly unknown[]])[]): string[] {
  const found: string[] = [];
  for (const [what, args] of lists) {
    try {
      const result = call(...(args as never[]));
      if (result instanceof Promise)
        rejections.push(
          result.then(
            () => [],
            (error) => bare(name, what, error),
          ),
        );
    } catch (error) {
      found.push(...bare(name, what, error));
    }
  }
  return found;
}

/** `args` with junk at each place from `from` on, one at a time. */
function withJunk(args: readonly unknown[], from: number, places: number): [string, unknown[]][] {
  return junk.flatMap(([what, value]) =>
    Array.from({ length: places }, (_, place): [string, unknown[]] => {
      const given = [...args];
      given.length = Math.max(given.length, from + place);
      given[from + place] = value;
      return [`${what} as argument ${from + place}`, given];
    }),
  );
}

const matrix = [
  [4, 1],
  [1, 3],
];

describe("ops", () => {
  const all = functionsOf(ops);
  test("values", () => {
    expect(all.flatMap(([name, call]) => bareErrors(`ops.${name}`, call, withJunk([], 0, 1)))).toEqual([]);
  });
  test.each([1, 2, 3])("symbols, with junk after %i of them", (count) => {
    const found = all.flatMap(([name, call]) =>
      withTrace(() => {
        const x = constant(matrix);
        return bareErrors(`ops.${name}`, call, withJunk(new Array(count).fill(x), count, 2));
      }),
    );
    expect(found).toEqual([]);
  });
});

test("random", () => {
  const found = functionsOf(random).flatMap(([name, call]) =>
    withTrace(() => [
      ...bareErrors(`random.${name}`, call, withJunk([], 0, 1)),
      ...bareErrors(`random.${name}`, call, withJunk([[2]], 1, 2)),
    ]),
  );
  expect(found).toEqual([]);
});

/** The names of the options that a function takes: its message lists them when one is unknown. */
function optionsOf(call: Any): string[] {
  try {
    const result = call({ noSuchOption: 1 } as never);
    if (result instanceof Promise)
      rejections.push(
        result.then(
          () => [],
          (error) => bare("noSuchOption", "", error),
        ),
      );
  } catch (error) {
    const list = error instanceof TensorError ? /\(([^()]*)\)/.exec(error.expected)?.[1] : undefined;
    return list?.split(", ") ?? [];
  }
  return [];
}

describe.each(Object.entries(namespaces))("%s", (space, namespace) => {
  test("junk for arguments and for each option", () => {
    const found = functionsOf(namespace).flatMap(([name, call]) => {
      const options = optionsOf(call);
      const records = options.flatMap((option) =>
        junk.map(([what, value]): [string, unknown[]] => [`${option}: ${what}`, [{ [option]: value }]]),
      );
      // `where` is a name for messages.
      const where = name.startsWith("resolve");
      const lists = where ? withJunk([], 0, 1).map(([what, args]) => [what, [...args, "test"]] as const) : [];
      const more = where ? lists : [...withJunk([], 0, 2), ...withJunk(["Dense"], 1, 1)];
      return bareErrors(`${space}.${name}`, call, [...more, ...records]);
    });
    expect(found).toEqual([]);
  });
});

test("entries", () => {
  const { compiled, customGradient, defineLayer, fields, grad, input, layerFromConfig, model, registerLayer } =
    wasmgrad;
  const { sequential, setSeed, tensor, valueAndGrad, zeros } = wasmgrad;
  const calls = { compiled, customGradient, grad, input, layerFromConfig, model, sequential, setSeed, tensor, zeros };
  const found = [
    ...Object.entries({ ...calls, valueAndGrad, defineLayer, registerLayer }).flatMap(([name, call]) => [
      ...bareErrors(name, call as Any, withJunk([], 0, 2)),
      ...bareErrors(name, call as Any, withJunk([[2]], 1, 2)),
    ]),
    ...functionsOf(fields).flatMap(([name, make]) => {
      const field = (make as (words: readonly string[]) => { parse?: Any })(["a", "b"]);
      return field?.parse === undefined
        ? []
        : bareErrors(
            `fields.${name}`,
            field.parse,
            withJunk([], 0, 1).map(([what, args]) => [what, [...args, "test"]]),
          );
    }),
  ];
  expect(found).toEqual([]);
});

test("what rejects, rejects with a TensorError", async () => {
  expect((await Promise.all(rejections)).flat()).toEqual([]);
});

test("show never throws, and is short", () => {
  for (const [name, value] of [...junk, ...untouchable]) {
    const text = show(value);
    expect(typeof text, name).toBe("string");
    expect(text.length, name).toBeLessThan(250);
  }
  expect(show({ constructor: { name: "Tensor" } })).toBe("Object");
  expect(show(5n)).toBe("5n");
  expect(show([1, undefined, Symbol("x")])).toBe("[1, undefined, Symbol(x)]");
  expect(show(withHole)).toBe("[1, , 2]");
  expect(show(["a\n", "", 5n, null])).toBe('["a\\n", "", 5n, null]');
});
