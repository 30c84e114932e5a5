// Everything that the sweep covers. `found.test.ts` fails when an op or layer is missing.

import { functionalNetworkSubjects } from "./functionalNetworks.ts";
import { activationSubjects } from "./layers/activations.ts";
import { augmentationSubjects } from "./layers/augmentation.ts";
import { convolutionSubjects } from "./layers/convolutions.ts";
import { coreSubjects } from "./layers/core.ts";
import { mergingSubjects } from "./layers/merging.ts";
import { noiseSubjects } from "./layers/noise.ts";
import { normalizingSubjects } from "./layers/normalizing.ts";
import { poolingSubjects } from "./layers/pooling.ts";
import { preprocessingSubjects } from "./layers/preprocessing.ts";
import { sequenceSubjects } from "./layers/sequence.ts";
import { shapeSubjects } from "./layers/shapes.ts";
import { spatialSubjects } from "./layers/spatial.ts";
import { networkSubjects } from "./networks.ts";
import { binarySubjects } from "./ops/binary.ts";
import { convSubjects } from "./ops/conv.ts";
import { countingSubjects } from "./ops/counting.ts";
import { creationSubjects } from "./ops/creation.ts";
import { elementwiseSubjects } from "./ops/elementwise.ts";
import { entropySubjects } from "./ops/entropies.ts";
import { indexingSubjects } from "./ops/indexing.ts";
import { joinSubjects } from "./ops/joins.ts";
import { matMulSubjects } from "./ops/matMul.ts";
import { moveSubjects } from "./ops/moves.ts";
import { normalizationSubjects } from "./ops/normalization.ts";
import { parameterSubjects } from "./ops/parameters.ts";
import { poolSubjects } from "./ops/pool.ts";
import { reductionSubjects } from "./ops/reductions.ts";
import { statisticSubjects } from "./ops/statistics.ts";
import { programSubjects } from "./programs.ts";
import type { Subject } from "./subject.ts";
import { lossSubjects } from "./training/losses.ts";
import { metricSubjects } from "./training/metrics.ts";
import { optimizerSubjects } from "./training/optimizers.ts";

export const subjects: readonly Subject[] = [
  ...elementwiseSubjects,
  ...binarySubjects,
  ...parameterSubjects,
  ...matMulSubjects,
  ...reductionSubjects,
  ...moveSubjects,
  ...joinSubjects,
  ...convSubjects,
  ...poolSubjects,
  ...indexingSubjects,
  ...normalizationSubjects,
  ...entropySubjects,
  ...statisticSubjects,
  ...countingSubjects,
  ...creationSubjects,
  ...coreSubjects,
  ...normalizingSubjects,
  ...preprocessingSubjects,
  ...noiseSubjects,
  ...augmentationSubjects,
  ...activationSubjects,
  ...convolutionSubjects,
  ...poolingSubjects,
  ...mergingSubjects,
  ...sequenceSubjects,
  ...shapeSubjects,
  ...spatialSubjects,
  ...programSubjects,
  ...networkSubjects,
  ...lossSubjects,
  ...metricSubjects,
  ...optimizerSubjects,
  ...functionalNetworkSubjects,
];
