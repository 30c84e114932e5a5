// Are the networks those of Keras, do they train, and do they refuse options that would have no effect?

import { describe, expect, it } from "vitest";
import { type ImageNetwork, mobilenet, mobilenetV2, resnet, unet } from "../../bindings/applications/index.ts";
import { decodeModel } from "../../bindings/models/loading.ts";
import { setSeed } from "../../bindings/seed.ts";
import { tensor } from "../../bindings/tensor.ts";
import { expectSameBits } from "../harness/compare.ts";
import { random } from "../layers/describeLayer.ts";

const shapeOf = (network: ImageNetwork): readonly (number | null)[] | undefined => network.topology.outputs[0]?.shape;

describe("numbers of parameters", () => {
  /** As `count_params()` of the networks of Keras 3 says; for alpha 0.35 its table has 1.66 million without normalisation. */
  it.each([
    ["mobilenet", () => mobilenet(), 4_253_864],
    ["mobilenet, alpha 0.25", () => mobilenet({ alpha: 0.25 }), 475_544],
    ["mobilenet without the top", () => mobilenet({ includeTop: false }), 3_228_864],
    ["mobilenetV2", () => mobilenetV2(), 3_538_984],
    ["mobilenetV2, alpha 0.35", () => mobilenetV2({ alpha: 0.35 }), 1_691_208],
    ["mobilenetV2, alpha 1.4", () => mobilenetV2({ alpha: 1.4 }), 6_156_712],
    ["mobilenetV2 without the top", () => mobilenetV2({ includeTop: false }), 2_257_984],
    ["resnet", () => resnet(), 25_636_712],
    ["resnet without the top", () => resnet({ includeTop: false }), 23_587_712],
  ] as const)("%s: as in Keras", (_, make, count) => {
    const network = make();
    expect(network.countParams()).toBe(count);
    network.dispose();
  });
});

describe("shapes and names", () => {
  it("become 32 times smaller, and are pooled on request", () => {
    const options = { inputShape: [65, 64, 1], includeTop: false } as const;
    expect(shapeOf(mobilenet({ ...options, alpha: 0.25 }))).toEqual([null, 2, 2, 256]);
    expect(shapeOf(mobilenetV2({ ...options, alpha: 0.35, pooling: "avg" }))).toEqual([null, 1280]);
    expect(shapeOf(resnet({ ...options, depth: 26, width: 4, pooling: "max" }))).toEqual([null, 128]);
    expect(shapeOf(unet({ ...options, inputShape: [16, 8, 1], depth: 2, width: 4 }))).toEqual([null, 16, 8, 4]);
  });

  it("are those of Keras", () => {
    const names = (network: ImageNetwork): string[] => network.layers.map(({ name }) => name);
    const small = { inputShape: [32, 32, 3] } as const;
    expect(names(mobilenet({ ...small, alpha: 0.25 }))).toEqual(
      expect.arrayContaining(["conv1_relu", "conv_pad_2", "conv_dw_13_bn", "conv_pw_13_relu", "conv_preds"]),
    );
    expect(names(mobilenetV2({ ...small, alpha: 0.35 }))).toEqual(
      expect.arrayContaining(["bn_Conv1", "expanded_conv_project_BN", "block_1_pad", "block_15_add", "out_relu"]),
    );
    expect(names(resnet({ ...small, depth: 50, width: 4 }))).toEqual(
      expect.arrayContaining(["conv1_pad", "conv2_block1_0_bn", "conv5_block3_3_conv", "conv5_block3_out", "avg_pool"]),
    );
  });
});

/** Small relatives of each network, and the shape of their results. */
const small: readonly (readonly [string, () => ImageNetwork, readonly number[]])[] = [
  ["mobilenet", () => mobilenet({ alpha: 0.1, inputShape: [32, 32, 3], classes: 3 }), [3]],
  ["mobilenetV2", () => mobilenetV2({ alpha: 0.1, inputShape: [32, 32, 3], classes: 3 }), [3]],
  ["resnet 18", () => resnet({ depth: 18, width: 4, inputShape: [32, 32, 3], classes: 3 }), [3]],
  ["resnet 26", () => resnet({ depth: 26, width: 4, inputShape: [32, 32, 3], classes: 3 }), [3]],
  ["resnet for small images", () => resnet({ style: "cifar", depth: 8, width: 4, classes: 3 }), [3]],
  ["unet", () => unet({ inputShape: [16, 16, 3], depth: 2, width: 4, classes: 3, dropout: 0.1 }), [16, 16, 3]],
];

describe.each(small)("%s", (_, make, results) => {
  it("learns a batch and is the same after saving and loading", async () => {
    setSeed(3);
    const network = make();
    network.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
    const shape = network.topology.inputs[0]?.shape.slice(1) as readonly number[];
    const x = random("images", [6, ...shape]);
    const cells = results.slice(0, -1);
    const labels = cells.reduce((count, size) => count * size, 6);
    const y = tensor(Int32Array.from({ length: labels }, (_, index) => index % 3)).reshape([6, ...cells]);
    const losses = Array.from({ length: 8 }, () => network.trainOnBatch(x, y).loss);
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(Math.min(...losses.slice(5))).toBeLessThan((losses[0] as number) * 0.95);
    const predicted = network.predict(x);
    expect(predicted.shape).toEqual([6, ...results]);
    const loaded = decodeModel(await network.save(), "network") as unknown as typeof network;
    expectSameBits([loaded.predict(x)], [predicted], "prediction");
  });
});

describe("mistakes", () => {
  it.each([
    [() => resnet({ depth: 20 }), "resnet.depth: expected 26, 50, 101, 152 with bottlenecks, received 20"],
    [() => resnet({ depth: 50, bottleneck: false }), "resnet.depth: expected 18, 34 without bottlenecks, received 50"],
    [() => resnet({ style: "cifar", depth: 18 }), "resnet.depth: expected 6n + 2 layers, such as 8 or 20, received 18"],
    [() => mobilenet({ alpha: 0 }), "mobilenet.alpha: expected a finite number ≥ 0.03125, received 0"],
    [
      () => mobilenet({ includeTop: false, dropout: 0.1 }),
      "mobilenet.dropout: expected no such option of a network without the top, received 0.1. Leave it out, or set includeTop to true.",
    ],
    [() => mobilenetV2({ pooling: "avg" }), "mobilenetV2.pooling: expected no such option of a network with the top"],
    [() => mobilenetV2({ classes: 1.5 }), "mobilenetV2.classes: expected"],
    [() => mobilenetV2({ inputShape: [32, 32] }), "mobilenetV2.inputShape: expected [height, width, channels]"],
    [() => unet({ inputShape: [100, 64, 3] }), "unet.inputShape: expected height and width divisible by 16"],
    [() => unet({ weights: "imagenet" } as object), "unet: expected the name of an option"],
  ])("%#", (action, message) => {
    expect(action).toThrow(message);
  });
});
