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
import { controlSubjects } from "./ops/control.ts";
import { convSubjects } from "./ops/conv.ts";
import { convolutionSubjects as convolutionOpSubjects } from "./ops/convolutions.ts";
import { countingSubjects } from "./ops/counting.ts";
import { creationSubjects } from "./ops/creation.ts";
import { ctcSubjects } from "./ops/ctc.ts";
import { einsumSubjects } from "./ops/einsum.ts";
import { elementwiseSubjects } from "./ops/elementwise.ts";
import { entropySubjects } from "./ops/entropies.ts";
import { indexingSubjects } from "./ops/indexing.ts";
import { joinSubjects } from "./ops/joins.ts";
import { leastSquaresSubjects } from "./ops/leastSquares.ts";
import { linearAlgebraSubjects } from "./ops/linearAlgebra.ts";
import { matMulSubjects } from "./ops/matMul.ts";
import { moveSubjects } from "./ops/moves.ts";
import { normalizationSubjects } from "./ops/normalization.ts";
import { orthogonalizationSubjects } from "./ops/orthogonalization.ts";
import { parameterSubjects } from "./ops/parameters.ts";
import { poolSubjects } from "./ops/pool.ts";
import { productSubjects } from "./ops/products.ts";
import { randomSubjects } from "./ops/random.ts";
import { reductionSubjects } from "./ops/reductions.ts";
import { spectrumSubjects } from "./ops/spectra.ts";
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
  ...normalizingSubjects,
  ...preprocessingSubjects,
  ...noiseSubjects,
  ...augmentationSubjects,
  ...activationSubjects,
  ...convolutionOpSubjects,
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
