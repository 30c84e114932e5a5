// Where is the machine with relaxed SIMD, and can this runtime run it?
//
// Loaded on demand. It imports nothing of the library, so that the build can make it a file of its own.

/*! wasm-feature-detect, Copyright 2017 Google Inc., Apache License 2.0: see THIRD-PARTY-LICENSES.txt */
import { relaxedSimd } from "wasm-feature-detect";
import wasm from "../../build/wasmgrad-relaxed.wasm";

/** The Wasm as hexadecimal digits. */
export const digits: string = wasm;

/** Whether this runtime has relaxed SIMD. */
export const supported: () => Promise<boolean> = relaxedSimd;
