// Is a damaged, foreign or forged model file always refused with an error that says so?

import { beforeAll, describe, expect, test } from "vitest";
import { TensorError } from "../../bindings/errors.ts";
import { CHECKSUM_KEY, contentChecksum } from "../../bindings/formats/checksum.ts";
import { decodeSafetensors } from "../../bindings/formats/readSafetensors.ts";
import type { StoredTensor } from "../../bindings/formats/storedTensor.ts";
import { encodeSafetensors } from "../../bindings/formats/writeSafetensors.ts";
import { input } from "../../bindings/layers/core.ts";
import * as layers from "../../bindings/layers/index.ts";
import { model } from "../../bindings/models/functional.ts";
import { decodeModel, loadModel } from "../../bindings/models/loading.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { generator } from "../harness/random.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

let file: Uint8Array;
let nested: Uint8Array;

beforeAll(async () => {
  const plain = sequential([layers.dense({ units: 3, inputShape: [4] }), layers.dropout({ rate: 0.5 })]);
  plain.compile({ optimizer: "adam", loss: "mse", metrics: ["mae"] });
  file = await plain.save();
  const [a, b] = [input({ shape: [4] }), input({ shape: [4] })];
  const tower = sequential([layers.dense({ units: 3, activation: "relu", kernelRegularizer: "l2" })]);
  const outputs = { sum: layers.add().apply([tower.apply(a), tower.apply(b)]) };
  const network = model({ inputs: { a, b }, outputs });
  network.compile({ optimizer: "sgd", loss: { sum: "mse" }, metrics: { sum: ["mae"] }, lossWeights: { sum: 2 } });
  nested = await network.save();
});

/** The error of loading `bytes`; undefined when they load. */
function failure(bytes: Uint8Array): unknown {
  try {
    decodeModel(bytes, "model.safetensors");
    return undefined;
  } catch (error) {
    return error;
  }
}

function expectRefused(bytes: Uint8Array, what: string): void {
  const error = failure(bytes);
  expect(error, what).toBeInstanceOf(TensorError);
  expect((error as TensorError).code, `${what}: ${(error as Error).message}`).toBe("format");
  expect((error as TensorError).where, what).toContain("model.safetensors");
  expect((error as TensorError).remedy, what).toBeTruthy();
}

test("the files are fine as they are", () => {
  expect(failure(file)).toBeUndefined();
  expect(failure(nested)).toBeUndefined();
});

test("truncated anywhere", () => {
  for (let length = 0; length < file.length; length += Math.ceil(file.length / 200))
    expectRefused(file.slice(0, length), `${length}`);
  expectRefused(file.slice(0, -1), "one byte less");
  expectRefused(Uint8Array.from([...file, 0]), "one byte more");
});

test("one bit flipped anywhere", () => {
  const next = generator(8);
  const positions = new Set([
    ...Array(16).keys(),
    ...Array.from({ length: 300 }, () => Math.floor(next() * file.length)),
  ]);
  for (const position of positions) {
    const damaged = file.slice();
    damaged[position] = (damaged[position] as number) ^ (1 << Math.floor(next() * 8));
    expectRefused(damaged, `byte ${position}`);
  }
});

test("something else altogether", async () => {
  expectRefused(new TextEncoder().encode("<!doctype html><title>404 Not Found</title>"), "a page");
  expectRefused(new Uint8Array(4096), "zeros");
  expectRefused(
    encodeSafetensors([{ name: "a", dtype: "float32", shape: [1], data: Float32Array.of(1) }], {}),
    "weights",
  );
  expectRefused(
    rewritten(file, (metadata) => ({ ...metadata, version: "2" })),
    "another version",
  );
  await expect(loadModel(42 as never)).rejects.toMatchObject({ code: "option" });
});

/** The file with other metadata (and tensors), and a checksum that fits. */
function rewritten(
  bytes: Uint8Array,
  change: (metadata: Record<string, string>) => Record<string, string>,
  keep: (tensor: StoredTensor) => boolean = () => true,
): Uint8Array {
  const { tensors, metadata } = decodeSafetensors(bytes);
  const { [CHECKSUM_KEY]: _, ...rest } = change({ ...metadata });
  const kept = [...tensors.values()].filter(keep);
  rest[CHECKSUM_KEY] = contentChecksum(kept, rest);
  return encodeSafetensors(kept, rest);
}

test("a weight or a slot that is missing", () => {
  for (const name of decodeSafetensors(file).tensors.keys())
    expectRefused(
      rewritten(
        file,
        (metadata) => metadata,
        (tensor) => tensor.name !== name,
      ),
      name,
    );
});

/** Paths to all parts of a JSON value, as functions that replace the part. */
function* replacements(value: Json, put: (part: Json) => Json): Generator<(part: Json) => Json> {
  yield put;
  if (typeof value !== "object" || value === null) return;
  for (const key of Object.keys(value)) {
    const within = (part: Json): Json =>
      put(
        Array.isArray(value)
          ? value.map((each, index) => (String(index) === key ? part : each))
          : { ...value, [key]: part },
      );
    yield* replacements((value as Record<string, Json>)[key] as Json, within);
  }
}

describe("forged with a checksum that fits: no part may bring down the reader", () => {
  const parts: readonly Json[] = [null, -1, 2.5, "x", true, [], {}, [{}], { class_name: "Dense", config: 3 }];
  test.each(["model", "compile", "state"])("of the %s", (key) => {
    for (const bytes of [file, nested]) {
      const original = JSON.parse(decodeSafetensors(bytes).metadata[key] as string) as Json;
      for (const replace of replacements(original, (part) => part))
        for (const part of parts) {
          const text = JSON.stringify(replace(part));
          const error = failure(rewritten(bytes, (metadata) => ({ ...metadata, [key]: text })));
          if (error !== undefined) expect(error, text).toBeInstanceOf(TensorError);
        }
      expectRefused(
        rewritten(bytes, (metadata) => ({ ...metadata, [key]: "{" })),
        "no JSON",
      );
    }
  });
});
