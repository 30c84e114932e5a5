// How does a network that classifies images begin and end, and which options do all of them have?

import { checkOptionNames } from "../config.ts";
import { check, show } from "../errors.ts";
import { input } from "../layers/core.ts";
import type { ActivationLike } from "../layers/field.ts";
import type { Layer } from "../layers/layer.ts";
import type { Placeholder } from "../layers/placeholder.ts";
import { globalAveragePooling2D, globalMaxPooling2D } from "../layers/pooling.ts";
import { wholeNumber } from "../models/fit.ts";
import { model } from "../models/functional.ts";
import type { Model } from "../models/model.ts";
import type { Shape, Tensor, TensorLike } from "../tensor.ts";

/** A network from images [batch, height, width, channels] to one tensor. */
export type ImageNetwork = Model<TensorLike, Tensor>;

/** Options of every network that classifies images. */
export interface ClassifierOptions {
  /** [height, width, channels] of one image. */
  readonly inputShape?: Shape;
  /** Whether the layers that tell classes come last; else the network ends with features. Default true. */
  readonly includeTop?: boolean;
  /** Number of classes; only with the top. */
  readonly classes?: number;
  /** Activation of the last layer; only with the top. `null` gives logits. Default `"softmax"`. */
  readonly classifierActivation?: ActivationLike;
  /**
   * What becomes of the features; only without the top. `"avg"` and `"max"` take one value over all cells, [batch,
   * channels]; `null` leaves them, [batch, rows, columns, channels]. Default null.
   */
  readonly pooling?: "avg" | "max" | null;
  /** Name of the model. Default: that of the function. */
  readonly name?: string;
}

/** The part of a network that tells classes. */
export interface Head {
  readonly classes: number;
  readonly classifierActivation: ActivationLike;
}

/** What makes a network differ from others. */
export interface Classifier {
  /** Name of the function that makes the network. */
  readonly where: string;
  /** Names of the options that other networks do not have. */
  readonly ownOptions: readonly string[];
  /** Those of them that only the top needs. */
  readonly topOptions?: readonly string[];
  readonly inputShape: Shape;
  readonly classes: number;
  readonly features: (x: Placeholder) => Placeholder;
  readonly top: (features: Placeholder, head: Head) => Placeholder;
}

const commonOptions: readonly string[] = [
  "inputShape",
  "includeTop",
  "classes",
  "classifierActivation",
  "pooling",
  "name",
];

/** The network: images, features, and then classes, or what `pooling` makes of the features. */
export function classifier(network: Classifier, options: ClassifierOptions): ImageNetwork {
  const { where, features, top } = network;
  checkOptionNames(where, options, [...network.ownOptions, ...commonOptions]);
  const { includeTop = true, pooling = null, classes = network.classes, classifierActivation = "softmax" } = options;
  check(pooling === null || pooling === "avg" || pooling === "max", "option", () => ({
    where: `${where}.pooling`,
    expected: '"avg", "max" or null',
    received: show(pooling),
  }));
  checkTop(where, options, includeTop, network.topOptions ?? []);
  wholeNumber(`${where}.classes`, classes, 1);
  const images = input({ shape: imageShape(where, options.inputShape ?? network.inputShape) });
  const found = features(images);
  const pooled = pooling === null ? found : poolings[pooling]().apply(found);
  const outputs = includeTop ? top(found, { classes, classifierActivation }) : pooled;
  return model({ inputs: images, outputs, name: options.name ?? where });
}

const poolings = {
  avg: () => globalAveragePooling2D({ name: "avg_pool" }),
  max: () => globalMaxPooling2D({ name: "max_pool" }),
} as const;

/**
 * Options of the top, `topOptions` among them, are for networks that have one, `pooling` for the others.
 * @throws {TensorError} `option` for one that would have no effect.
 */
export function checkTop(where: string, options: object, includeTop: boolean, topOptions: readonly string[]): void {
  check(typeof includeTop === "boolean", "option", () => ({
    where: `${where}.includeTop`,
    expected: "true or false",
    received: show(includeTop),
  }));
  const given: Readonly<Record<string, unknown>> = { ...options };
  const useless = includeTop ? ["pooling"] : ["classes", "classifierActivation", ...topOptions];
  for (const name of useless)
    check(given[name] === undefined || (includeTop && given[name] === null), "option", () => ({
      where: `${where}.${name}`,
      expected: `no such option of a network ${includeTop ? "with" : "without"} the top`,
      received: show(given[name]),
      remedy: `Leave it out, or set includeTop to ${!includeTop}.`,
    }));
}

/** @throws {TensorError} `option` unless the shape is [height, width, channels]. */
export function imageShape(where: string, shape: Shape): Shape {
  check(Array.isArray(shape) && shape.length === 3, "option", () => ({
    where: `${where}.inputShape`,
    expected: "[height, width, channels]",
    received: show(shape),
  }));
  return shape;
}

/** x through the layers, one after the other. */
export function through(x: Placeholder, ...layers: readonly Layer[]): Placeholder {
  return layers.reduce((value, layer) => layer.apply(value), x);
}
