// Do strange configurations break what makes layers, losses, optimizers and the like of them?

import * as constraints from "../../../bindings/constraints.ts";
import * as initializers from "../../../bindings/initializers.ts";
import { layerFromConfig } from "../../../bindings/layers/fromConfig.ts";
import * as layers from "../../../bindings/layers/index.ts";
import * as losses from "../../../bindings/losses.ts";
import { metricFromConfig } from "../../../bindings/metrics/fromConfig.ts";
import * as metrics from "../../../bindings/metrics.ts";
import * as optimizers from "../../../bindings/optimizers.ts";
import * as preprocessing from "../../../bindings/preprocessing/index.ts";
import * as regularizers from "../../../bindings/regularizers.ts";
import * as schedules from "../../../bindings/schedules.ts";
import type { Reader } from "../reader.ts";
import { type Json, mutatedJson, textOf } from "../structures.ts";

type FromConfig = (className: string, config: never) => unknown;

const makers: Readonly<Record<string, { readonly make: FromConfig; readonly from: object }>> = {
  constraint: { make: constraints.constraintFromConfig, from: constraints },
  initializer: { make: initializers.initializerFromConfig, from: initializers },
  layer: { make: layerFromConfig, from: layers },
  loss: { make: losses.lossFromConfig, from: losses },
  metric: { make: metricFromConfig, from: metrics },
  optimizer: { make: optimizers.optimizerFromConfig, from: optimizers },
  regularizer: { make: regularizers.regularizerFromConfig, from: regularizers },
  schedule: { make: schedules.scheduleFromConfig, from: schedules },
};
const ofConfigAlone: Readonly<Record<string, (config: never) => unknown>> = {
  hashing: preprocessing.hashingFromConfig,
  integerLookup: preprocessing.integerLookupFromConfig,
  stringLookup: preprocessing.stringLookupFromConfig,
};

/** Options of which some fit each factory. */
const guesses: readonly (readonly unknown[])[] = [
  [], [{}], [{ units: 3, activation: "relu", kernelRegularizer: "l2" }], [{ filters: 2, kernelSize: 3 }], [{ kernelSize: 2 }],
  [{ rate: 0.3 }], [{ inputDim: 5, outputDim: 2 }], [{ targetShape: [2, 3] }], [{ dims: [2, 1] }], [{ factor: 0.2 }],
  [{ outputSize: 2 }], [{ height: 4, width: 5 }], [{ size: 2 }], [{ n: 2 }], [{ activation: "relu" }], [{ scale: 2 }],
  [{ equation: "ab,bc->ac", outputShape: 3 }], [{ numTokens: 4 }], [{ axes: 1 }], [{ stddev: 0.1 }], [{ shape: [3] }],
  [{ binBoundaries: [0, 1] }], [{ initialLearningRate: 0.1, decaySteps: 10 }], [{ value: 2 }], [{ k: 2 }],
  [{ initialLearningRate: 0.1, decaySteps: 10, decayRate: 0.5 }], [{ numClasses: 3 }], [{ thresholds: [0.5] }],
  [{ precision: 0.5 }], [{ recall: 0.5 }], [{ sensitivity: 0.5 }], [{ specificity: 0.5 }], [{ maxValue: 2 }],
  [{ boundaries: [1], values: [1, 2] }], [{ maxTokens: 5, vocabulary: ["a", "b"] }], [{ numBins: 5 }],
]; // biome-ignore format: a list

interface Described {
  readonly className: string;
  readonly getConfig?: () => Json;
  readonly config?: Json;
}

function describedBy(factory: unknown): Described | undefined {
  if (typeof factory !== "function") return undefined;
  for (const options of guesses)
    try {
      const made = factory(...options) as Described;
      if (typeof made?.className === "string" && (made.getConfig ?? made.config) !== undefined) return made;
    } catch {
      // Another guess may fit.
    }
  return undefined;
}

const lookups: readonly Json[] = [
  { kind: "hashing", class_name: "", config: { num_bins: 5, mask_value: null, salt: [1, 2], output_mode: "int" } },
  {
    kind: "integerLookup",
    class_name: "",
    config: { vocabulary: [1, 5, 7], num_oov_indices: 1, output_mode: "one_hot" },
  },
  { kind: "stringLookup", class_name: "", config: { vocabulary: ["a", "b"], num_oov_indices: 2, invert: false } },
];

export const configurations: Reader = {
  name: "configurations",
  corpus: async () => {
    const found: Json[] = [...lookups];
    for (const [kind, { from }] of Object.entries(makers))
      for (const factory of Object.values(from)) {
        const made = describedBy(factory);
        const config = made?.getConfig?.() ?? made?.config;
        if (made !== undefined && config !== undefined) found.push({ kind, class_name: made.className, config });
      }
    if (found.length < 150) throw new Error(`only ${found.length} configurations`);
    return found.map((each) => new TextEncoder().encode(JSON.stringify(each)));
  },
  mutate(chance, corpus) {
    const [own, other] = [chance.of(corpus), chance.of(corpus)].map(
      (each) => JSON.parse(new TextDecoder().decode(each)) as { class_name: Json; config: Json },
    ) as [{ class_name: Json; config: Json }, { config: Json }];
    const config = mutatedJson(chance, own.config, other.config);
    const class_name = chance.oneIn(12) ? mutatedJson(chance, own.class_name, other.config) : own.class_name;
    return new TextEncoder().encode(textOf(chance, { ...own, class_name, config }));
  },
  read(input) {
    const { kind, class_name, config } = JSON.parse(new TextDecoder().decode(input)) as Record<string, never>;
    if (kind === undefined) return undefined;
    return ofConfigAlone[kind]?.(config as never) ?? makers[kind]?.make(class_name as never, config as never);
  },
};
