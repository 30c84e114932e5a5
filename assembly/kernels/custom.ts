// How does a kernel that a user compiled apart get to run?
//
// The engine puts the function of the user's instance into the machine's table; calling it from here leads from
// WebAssembly to WebAssembly, without JavaScript between. The user's overlay begins with the fields of this one and goes
// on with its own operands, at byte 20.

import { Instruction } from "../instruction";

@unmanaged
export class Custom extends Instruction {
  /** Place of the kernel in the machine's table of functions. */
  kernel: u32;
}

/** The instruction whose kernel is at work on this thread, 0 between. It stays when the kernel traps: the engine asks. */
export let running: usize = 0;

/** Does units [begin, end) by the user's kernel. */
export function custom(instruction: usize, begin: u32, end: u32): void {
  running = instruction;
  call_indirect<void>(changetype<Custom>(instruction).kernel, instruction, begin, end);
  running = 0;
}
