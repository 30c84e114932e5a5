// Everything that the sweep covers. `coverage.test.ts` fails when an op or layer is missing.

import { coreSubjects } from "./layers/core.ts";
import { networkSubjects } from "./networks.ts";
import { binarySubjects } from "./ops/binary.ts";
import { controlSubjects } from "./ops/control.ts";
import { convSubjects } from "./ops/conv.ts";
import { convolutionSubjects } from "./ops/convolutions.ts";
import { ctcSubjects } from "./ops/ctc.ts";
import { einsumSubjects } from "./ops/einsum.ts";
import { elementwiseSubjects } from "./ops/elementwise.ts";
import { indexingSubjects } from "./ops/indexing.ts";
import { leastSquaresSubjects } from "./ops/leastSquares.ts";
import { linearAlgebraSubjects } from "./ops/linearAlgebra.ts";
import { matMulSubjects } from "./ops/matMul.ts";
import { moveSubjects } from "./ops/moves.ts";
import { normalizationSubjects } from "./ops/normalization.ts";
import { orthogonalizationSubjects } from "./ops/orthogonalization.ts";
import { poolSubjects } from "./ops/pool.ts";
import { productSubjects } from "./ops/products.ts";
import { randomSubjects } from "./ops/random.ts";
import { reductionSubjects } from "./ops/reductions.ts";
import { spectrumSubjects } from "./ops/spectra.ts";
import { programSubjects } from "./programs.ts";
import type { Subject } from "./subject.ts";

export const subjects: readonly Subject[] = [
  ...elementwiseSubjects,
  ...binarySubjects,
  ...matMulSubjects,
  ...reductionSubjects,
  ...moveSubjects,
  ...convSubjects,
  ...poolSubjects,
  ...indexingSubjects,
  ...normalizationSubjects,
  ...linearAlgebraSubjects,
  ...spectrumSubjects,
  ...orthogonalizationSubjects,
  ...leastSquaresSubjects,
  ...controlSubjects,
  ...ctcSubjects,
  ...randomSubjects,
  ...convolutionSubjects,
  ...productSubjects,
  ...einsumSubjects,
  ...coreSubjects,
  ...programSubjects,
  ...networkSubjects,
];
