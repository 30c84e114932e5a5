// When can relaxed SIMD be chosen, and what does configure say when it cannot?

import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { floats, generator } from "../harness/random.ts";
import { freshLibrary, type Library, runtimeMultipliesAndAdds, switchRelaxedSimdOn } from "./libraries.ts";

let library: Library;
let fused: number;

beforeAll(() => {
  switchRelaxedSimdOn();
  fused = runtimeMultipliesAndAdds();
});

beforeEach(async () => {
  library = await freshLibrary();
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** (1 + 2⁻¹²)² − (1 + 2⁻¹¹) by a matrix product: 0 when every step rounds twice. */
function product(): number {
  const a = library.tensor([[1, 1 + 2 ** -12]]);
  const b = library.tensor([[-1 - 2 ** -11], [1 + 2 ** -12]]);
  return library.ops.matMul(a, b).data[0] as number;
}

/** The error that `act` throws or that its promise is rejected with. */
async function errorOf(act: () => unknown): Promise<InstanceType<Library["TensorError"]>> {
  try {
    await act();
  } catch (error) {
    expect(error).toBeInstanceOf(library.TensorError);
    return error as InstanceType<Library["TensorError"]>;
  }
  return expect.fail("no error");
}

describe("configure({ relaxedSimd })", () => {
  it("true starts the engine that may round once", async () => {
    expect(await library.configure({ relaxedSimd: true })).toBeUndefined();
    expect(product()).toBe(fused);
  });

  it("left out, the strict engine starts", async () => {
    await library.configure({ threads: 1 });
    expect(product()).toBe(0);
  });

  it("false takes true back as long as nothing has been computed", async () => {
    await library.configure({ relaxedSimd: true });
    await library.configure({ relaxedSimd: false });
    expect(product()).toBe(0);
  });

  it("layers and models without weights may be there before", async () => {
    const model = library.sequential([library.layers.dense({ units: 3 })]);
    await library.configure({ relaxedSimd: true });
    expect(model.predict(library.tensor([[1, 2]])).shape).toEqual([1, 3]);
    expect(product()).toBe(fused);
  });

  it("drawing the weights of a model starts the engine", async () => {
    library.sequential([library.layers.dense({ units: 3, inputShape: [2] })]);
    expect((await errorOf(() => library.configure({ relaxedSimd: true }))).code).toBe("state");
  });

  it("the same choice may be repeated, at once, later and after the start", async () => {
    await Promise.all([library.configure({ relaxedSimd: true }), library.configure({ relaxedSimd: true })]);
    await library.configure({ relaxedSimd: true });
    product();
    await library.configure({ relaxedSimd: true });
    await library.configure({ relaxedSimd: true, threads: 1 });
    expect(product()).toBe(fused);
  });

  it("false may be repeated too", async () => {
    await library.configure({ relaxedSimd: false });
    product();
    await library.configure({ relaxedSimd: false });
  });

  it.each([true, false])("%s after the engine started otherwise is an error with the remedy", async (wanted) => {
    if (!wanted) await library.configure({ relaxedSimd: true });
    const before = product();
    const error = await errorOf(() => library.configure({ relaxedSimd: wanted }));
    expect(error.code).toBe("state");
    expect(error.message).toBe(
      `configure.relaxedSimd: expected one choice, before the engine starts, received ${wanted} after it started. Await configure(…) before anything else.`,
    );
    expect(product(), "the engine goes on").toBe(before);
  });

  it("nothing can be computed before the promise ends; afterwards everything can", async () => {
    const configured = library.configure({ relaxedSimd: true });
    const error = await errorOf(product);
    expect(error.code).toBe("state");
    expect(error.remedy).toBe("Write await configure(…).");
    await configured;
    expect(product()).toBe(fused);
  });

  it("a model that was used too early is none the worse", async () => {
    const model = library.sequential([library.layers.dense({ units: 3 })]);
    model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
    const [x, y] = [library.tensor([[1, 2]]), library.tensor([[1, 2, 3]])];
    const configured = library.configure({ relaxedSimd: true });
    expect((await errorOf(() => model.predict(x))).code).toBe("state");
    expect((await errorOf(() => model.fit(x, y, { verbose: 0 }))).code).toBe("state");
    await configured;
    const first = (await model.evaluate(x, y)).loss;
    await model.fit(x, y, { epochs: 5, verbose: 0 });
    expect((await model.evaluate(x, y)).loss).toBeLessThan(first);
  });

  it("goes together with threads, which compute the same bits with the same machine", async () => {
    const next = generator(8);
    const range = { low: -1, high: 1 };
    const [a, b] = [floats(next, 190 * 130, range), floats(next, 130 * 170, range)];
    const multiply = () => library.ops.matMul(library.tensor(a, [190, 130]), library.tensor(b, [130, 170])).data;
    const strictly = multiply();
    library = await freshLibrary();
    await library.configure({ relaxedSimd: true, threads: 2 });
    expect(library.engine().threads).toBe(2);
    const together = multiply();
    await library.configure({ threads: 1 });
    expect(library.engine().threads).toBe(1);
    const alone = multiply();
    expect(together).toEqual(alone);
    if (fused !== 0) expect(alone).not.toEqual(strictly);
  });

  it("false while relaxed SIMD is being loaded is an error, and the load goes on", async () => {
    const configured = library.configure({ relaxedSimd: true });
    expect((await errorOf(() => library.configure({ relaxedSimd: false }))).code).toBe("state");
    await configured;
    expect(product()).toBe(fused);
  });

  it.each([1, "true", null, {}])("%j is no choice", (value) => {
    const wrong = { relaxedSimd: value } as unknown as { relaxedSimd: boolean };
    expect(() => library.configure(wrong)).toThrow(/^configure\.relaxedSimd: expected true or false, received /);
  });

  it("an option that there is not is named, with those that there are", () => {
    const wrong = { relaxed: true } as unknown as { relaxedSimd: boolean };
    expect(() => library.configure(wrong)).toThrow(/^configure: expected .*threads, relaxedSimd.*received "relaxed"\./);
  });

  it("a bad choice beside a good one changes nothing", async () => {
    expect(() => library.configure({ relaxedSimd: true, threads: 0.5 })).toThrow(library.TensorError);
    expect(product()).toBe(0);
  });
});

describe("where relaxed SIMD is missing", () => {
  it("it is refused, and the strict engine stays", async () => {
    vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
    const error = await errorOf(() => library.configure({ relaxedSimd: true }));
    expect(error.code).toBe("unsupported");
    expect(error.message).toBe(
      "configure.relaxedSimd: expected a runtime with WebAssembly relaxed SIMD, received one without. Leave the option out, or see docs/performance.md for runtimes that have it.",
    );
    expect(product()).toBe(0);
  });

  it("configure rejects: it does not throw before its promise", async () => {
    vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
    const configured = library.configure({ relaxedSimd: true });
    await expect(configured).rejects.toMatchObject({ name: "TensorError", code: "unsupported" });
    vi.restoreAllMocks();
    await library.configure({ relaxedSimd: true });
    expect(product(), "a second try can succeed").toBe(fused);
  });

  it("a file that did not come along is named", async () => {
    vi.doMock("../../bindings/platform/relaxedWasm.ts", () => {
      throw new TypeError("Failed to fetch dynamically imported module");
    });
    try {
      const error = await errorOf(() => library.configure({ relaxedSimd: true }));
      expect(error.code).toBe("unsupported");
      expect(error.message).toMatch(/^configure\.relaxedSimd: expected the file relaxedWasm\.js of this package, /);
      expect(error.cause).toBeInstanceOf(Error);
    } finally {
      vi.doUnmock("../../bindings/platform/relaxedWasm.ts");
    }
  });
});
