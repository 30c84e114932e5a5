// Which kernel stands for those that users write? Compiled as docs/custom-kernels.md says.

import asc from "assemblyscript/asc";
import { float, reads, writes } from "../../bindings/compiler/instruction.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { type CustomOp, type CustomOpDefinition, customOp } from "../../bindings/ops/custom.ts";
import { multiply } from "../../bindings/ops/map.ts";
import { sum } from "../../bindings/ops/reduce.ts";

/** The flags of a kernel without static data. */
export const kernelFlags: readonly string[] = [
  ...["-O3", "--noAssert", "--runtime", "stub", "--enable", "threads", "--enable", "simd"],
  ...["--importMemory", "--noExportMemory", "--sharedMemory", "--initialMemory", "2", "--maximumMemory", "65536"],
];

/** The bytes that asc makes of `source`; `flags` are added to those of a kernel, or take their place. */
export async function compileKernel(
  source: string,
  flags: readonly string[] = [],
  base: readonly string[] = kernelFlags,
): Promise<Uint8Array<ArrayBuffer>> {
  let binary: Uint8Array<ArrayBuffer> | undefined;
  const { error, stderr } = await asc.main(["kernel.ts", "--outFile", "kernel.wasm", ...base, ...flags], {
    readFile: async (name) => (name === "kernel.ts" ? source : null),
    writeFile: async (_, contents) => {
      binary = typeof contents === "string" ? new TextEncoder().encode(contents) : new Uint8Array(contents);
    },
    listFiles: async () => null,
  });
  if (error || binary === undefined) throw new Error(stderr.toString(), { cause: error });
  return binary;
}

/** What every kernel's class begins with. */
export const header = `
@unmanaged
class Instruction {
  opcode: u32;
  units: u32;
  grain: u32;
  claimed: u32;
  kernel: u32;
}
`;

/** out[r, c] = x[r, c] · gain[c] · factor; a unit is a row. */
const source = `${header}
@unmanaged
class Scale extends Instruction {
  x: usize;
  gain: usize;
  out: usize;
  columns: u32;
  factor: f32;
}
export function scale(instruction: usize, begin: u32, end: u32): void {
  const call = changetype<Scale>(instruction);
  const size = <usize>call.columns * 4;
  for (let row = begin; row < end; ++row) {
    const from = call.x + <usize>row * size;
    const to = call.out + <usize>row * size;
    for (let offset: usize = 0; offset < size; offset += 4)
      store<f32>(to + offset, load<f32>(from + offset) * load<f32>(call.gain + offset) * call.factor);
  }
}
`;

/** The compiled module of {@link scale}. */
export const scaleBytes: Uint8Array<ArrayBuffer> = await compileKernel(source);

export interface ScaleAttributes {
  readonly factor: number;
}
type Inputs = readonly ["x", "gain"];

/** Defines {@link scale} once more, with parts of another definition in place of its own. */
export function defineScale(
  parts: Partial<CustomOpDefinition<Inputs, ScaleAttributes>> = {},
): CustomOp<Inputs, ScaleAttributes> {
  return customOp<Inputs, ScaleAttributes>({
    name: "scale",
    module: scaleBytes,
    inputs: ["x", "gain"],
    infer: ([x]) => x as SymbolicTensor,
    lower: (node) => {
      const [x, gain] = node.inputs as [SymbolicTensor, SymbolicTensor];
      const { factor } = node.attributes;
      return {
        units: x.size / gain.size,
        operands: { x: reads(x), gain: reads(gain), out: writes(node), columns: gain.size, factor: float(factor) },
        flops: 2 * x.size,
      };
    },
    gradient: (node, dy) => {
      const [x, gain] = node.inputs as [SymbolicTensor, SymbolicTensor];
      const { factor } = node.attributes;
      const rows = [...x.shape.keys()].slice(0, -1);
      return [
        scale(dy, gain, node.attributes),
        multiply(sum(multiply(dy, x), rows.length === 0 ? undefined : rows), factor),
      ];
    },
    decompose: ([x, gain], { factor }) => multiply(multiply(x as SymbolicTensor, gain as SymbolicTensor), factor),
    ...parts,
  });
}

/** factor · x[..., c] · gain[c]. */
export const scale: CustomOp<Inputs, ScaleAttributes> = defineScale();
