// What holds in every test: the compiler's data is checked between all passes.

import { defaultCompileOptions } from "../bindings/compiler/program.ts";
import { verifier } from "../bindings/compiler/verify.ts";

defaultCompileOptions.verify = verifier;
