// What does an instruction look like in memory?
//
//   byte   0        4        8        12       16 …………………………………………… 128
//          opcode   units    grain    claimed  28 words of operands
//
// `units` is the amount of work, counted in whatever the kernel can cut (rows, tiles, panels); threads claim `grain`
// units at a time. The operands are named by the overlay class at the top of each kernel's file; the lowering of the op
// (bindings/ops/<same name>.ts) writes them in the same order.

export const INSTRUCTION_BYTES: usize = 128;

@unmanaged
export class Instruction {
  opcode: u32;
  units: u32;
  grain: u32;
  claimed: u32;
}
