// Everything that the sweep covers. `coverage.test.ts` fails when an op or layer is missing.

import { functionalNetworkSubjects } from "./functionalNetworks.ts";
import { augmentationSubjects } from "./layers/augmentation.ts";
import { coreSubjects } from "./layers/core.ts";
import { noiseSubjects } from "./layers/noise.ts";
import { normalizingSubjects } from "./layers/normalizing.ts";
import { preprocessingSubjects } from "./layers/preprocessing.ts";
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
  ...normalizingSubjects,
  ...preprocessingSubjects,
  ...noiseSubjects,
  ...augmentationSubjects,
  ...programSubjects,
  ...networkSubjects,
  ...functionalNetworkSubjects,
];
