// Everything that the sweep covers. `coverage.test.ts` fails when an op or layer is missing.

import { activationSubjects } from "./layers/activations.ts";
import { convolutionSubjects } from "./layers/convolutions.ts";
import { coreSubjects } from "./layers/core.ts";
import { mergingSubjects } from "./layers/merging.ts";
import { poolingSubjects } from "./layers/pooling.ts";
import { sequenceSubjects } from "./layers/sequence.ts";
import { shapeSubjects } from "./layers/shapes.ts";
import { spatialSubjects } from "./layers/spatial.ts";
import { networkSubjects } from "./networks.ts";
import { binarySubjects } from "./ops/binary.ts";
import { convSubjects } from "./ops/conv.ts";
import { elementwiseSubjects } from "./ops/elementwise.ts";
import { indexingSubjects } from "./ops/indexing.ts";
import { matMulSubjects } from "./ops/matMul.ts";
import { moveSubjects } from "./ops/moves.ts";
import { normalizationSubjects } from "./ops/normalization.ts";
import { poolSubjects } from "./ops/pool.ts";
import { reductionSubjects } from "./ops/reductions.ts";
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
  ...coreSubjects,
  ...activationSubjects,
  ...convolutionSubjects,
  ...poolingSubjects,
  ...mergingSubjects,
  ...sequenceSubjects,
  ...shapeSubjects,
  ...spatialSubjects,
  ...programSubjects,
  ...networkSubjects,
];
