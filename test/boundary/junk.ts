// Values that nobody should give to a function, and that somebody will.

const cyclicList: unknown[] = [];
cyclicList.push(cyclicList);
const cyclicRecord: Record<string, unknown> = {};
cyclicRecord.self = cyclicRecord;

/** A list with a hole. */
export const withHole: readonly unknown[] = Object.assign(new Array<unknown>(3), { 0: 1, 2: 2 });

/** Each with a name for messages. */
export const junk: readonly (readonly [name: string, value: unknown])[] = [
  ["undefined", undefined],
  ["null", null],
  ["true", true],
  ["false", false],
  ["0", 0],
  ["-0", -0],
  ["1", 1],
  ["-1", -1],
  ["1.5", 1.5],
  ["100", 100],
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
  ["a bigint", 1n],
  ["a large bigint", 10n ** 40n],
  ["an empty text", ""],
  ["a text", "junk"],
  ["a text of a number", "0"],
  ["a text of a flag", "false"],
  ["__proto__", "__proto__"],
  ["constructor", "constructor"],
  ["toString", "toString"],
  ["a long text", "x".repeat(10_000)],
  ["a symbol", Symbol("junk")],
  ["a well-known symbol", Symbol.iterator],
  ["a function", () => 1],
  ["a function of nothing", () => undefined],
  ["an async function", async () => 1],
  ["a generator", function* (): Generator<number> {}],
  ["a class", class Junk {}],
  ["an empty list", []],
  ["a list of an empty list", [[]]],
  ["a list of null", [null]],
  ["a list of undefined", [undefined]],
  ["a list with a hole", withHole],
  ["a list of texts", ["a", "b"]],
  ["a list of NaN", [Number.NaN]],
  ["a list of halves", [0.5, 1.5]],
  ["a list of negatives", [-5, -7]],
  ["a list of bigints", [1n, 2n]],
  ["a list of symbols", [Symbol("junk")]],
  ["a list of records", [{}, {}]],
  ["a list of functions", [() => 1]],
  ["a ragged list", [[1, 2], [3]]],
  ["a list of lists", [[0], [1]]],
  ["a cyclic list", cyclicList],
  ["an empty record", {}],
  ["an unknown option", { junk: 1 }],
  ["an axis in a record", { axis: 0 }],
  ["a record with a constructor", { constructor: 5 }],
  ["a record with a length", { length: 2 }],
  ["a record with __proto__", JSON.parse('{"__proto__": {"shape": [2]}}')],
  ["a record without prototype", Object.create(null)],
  ["a cyclic record", cyclicRecord],
  ["a configuration", { class_name: "Junk", config: null }],
  ["a configuration of a known name", { class_name: "Adam", config: 5 }],
  ["a frozen record", Object.freeze({ shape: null })],
  ["a date", new Date(0)],
  ["an invalid date", new Date(Number.NaN)],
  ["a regular expression", /junk/],
  ["a map", new Map([[1, 2]])],
  ["a set", new Set([1])],
  ["a weak map", new WeakMap()],
  ["a promise", Promise.resolve(1)],
  ["an error", new Error("junk")],
  ["a number in an object", Object(1)],
  ["a text in an object", Object("junk")],
  ["an ArrayBuffer", new ArrayBuffer(8)],
  ["a DataView", new DataView(new ArrayBuffer(8))],
  ["int64", new BigInt64Array(2)],
  ["float64", new Float64Array([1, 2])],
  ["no numbers", new Float32Array(0)],
];

/** Objects that throw when they are looked at: what they throw is theirs, but to show them must not fail. */
export const untouchable: readonly (readonly [name: string, value: unknown])[] = [
  ["a proxy that throws", throwing({})],
  ["a proxy of a list that throws", throwing([])],
  ["a proxy of a function that throws", throwing(() => 1)],
  ["a revoked proxy", revoked({})],
  ["a revoked proxy of a list", revoked([])],
  ["a revoked proxy of a function", revoked(() => 1)],
  [
    "a getter that throws",
    {
      get constructor(): never {
        throw new Error("looked at");
      },
    },
  ],
  [
    "a class that throws",
    Object.create({
      get constructor(): never {
        throw new Error("looked at");
      },
    }),
  ],
  ["a name that is a symbol", Object.defineProperty(() => 1, "name", { value: Symbol("name") })],
  ["a class with an own name", Object.create({ constructor: { name: Symbol("name") } })],
  ["a tag that throws", Object.defineProperty({}, Symbol.toStringTag, { get: () => fail() })],
  ["a text that throws", { toString: () => fail(), toJSON: () => fail(), [Symbol.toPrimitive]: () => fail() }],
  ["a list of what throws", [{ toString: () => fail() }, throwing({})]],
];

function throwing<T extends object>(target: T): T {
  const handler = Object.fromEntries(Object.getOwnPropertyNames(Reflect).map((trap) => [trap, () => fail()]));
  return new Proxy(target, handler as ProxyHandler<T>);
}

function revoked<T extends object>(target: T): T {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

function fail(): never {
  throw new Error("looked at");
}
