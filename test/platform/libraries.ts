// How do tests have several copies of the library in one process, each with an engine of its own?

import { setFlagsFromString } from "node:v8";
import { vi } from "vitest";

export type Library = typeof import("../../bindings/index.ts");

/** Node 20 has relaxed SIMD, but switched off. Works for this process, from here on. */
export function switchRelaxedSimdOn(): void {
  if (process.versions.node.startsWith("20.")) setFlagsFromString("--experimental-wasm-relaxed-simd");
}

/** The library, loaded anew: nothing has been configured or computed. */
export async function freshLibrary(): Promise<Library> {
  vi.resetModules();
  await import("../setup.ts");
  return import("../../bindings/index.ts");
}

/** The same with relaxed SIMD. */
export async function relaxedLibrary(): Promise<Library> {
  switchRelaxedSimdOn();
  const library = await freshLibrary();
  await library.configure({ relaxedSimd: true });
  return library;
}

/**
 * (1 + 2⁻¹²)² − (1 + 2⁻¹¹) by f32x4.relaxed_madd of this runtime: 2⁻²⁴ when it rounds once, 0 when it rounds twice.
 * Written out byte by byte, so that it does not depend on what is tested.
 */
export function runtimeMultipliesAndAdds(): number {
  switchRelaxedSimdOn();
  const splat = (value: number): number[] => [0x43, ...new Uint8Array(Float32Array.of(value).buffer), 0xfd, 0x13];
  const factor = splat(1 + 2 ** -12);
  const relaxedMultiplyAdd = [0xfd, 0x85, 0x02];
  const firstLane = [0xfd, 0x1f, 0];
  const body = [0, ...factor, ...factor, ...splat(-1 - 2 ** -11), ...relaxedMultiplyAdd, ...firstLane, 0x0b];
  const header = [0, 97, 115, 109, 1, 0, 0, 0];
  const oneFunction = [1, 5, 1, 0x60, 0, 1, 0x7d, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0];
  const module = new WebAssembly.Module(
    Uint8Array.from([...header, ...oneFunction, 10, body.length + 2, 1, body.length, ...body]),
  );
  const { f } = new WebAssembly.Instance(module).exports as { readonly f: () => number };
  return f();
}
