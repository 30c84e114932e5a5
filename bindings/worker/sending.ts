// What goes over with a call? Arrays as copies, datasets as a promise of their batches.

import type { Dataset } from "../data/dataset.ts";
import { check, show } from "../errors.ts";
import { type DataLike, isDataset } from "../models/data.ts";
import { checkBatch } from "../models/datasetFeed.ts";
import type { LentDataset, PackedElement } from "./lentDatasets.ts";
import type { SentData } from "./messages.ts";
import { Packer, type Parcel } from "./parcel.ts";

/** What the parts of data are called in messages. */
const partNames = ["x", "y", "sampleWeight"] as const;

/** The data of one call. */
export class Sending {
  /** The datasets that the worker may ask for. */
  readonly lent: LentDataset[] = [];
  private readonly packer: Packer;
  private readonly giveAway: boolean;

  /**
   * @param giveAway hand arrays over instead of copying them.
   * @throws {TensorError} `option` unless it is a boolean or undefined.
   */
  constructor(where: string, giveAway: unknown) {
    check(giveAway === undefined || typeof giveAway === "boolean", "option", () => ({
      where: `${where}.transfer`,
      expected: "true or false",
      received: show(giveAway),
    }));
    this.giveAway = giveAway === true;
    this.packer = new Packer(this.giveAway);
  }

  /** The buffers to hand over. */
  get transfer(): Iterable<ArrayBuffer> {
    return this.packer.transfer;
  }

  /** Packs one array, or several by name. @throws {TensorError} `dtype` or `shape`. */
  pack(where: string, data: DataLike | undefined): Promise<Parcel> {
    return this.packer.pack(where, data);
  }

  /** Packs x, y and sampleWeight, as many as there are. @throws {TensorError} as {@link pack}. */
  async arrays(where: string, given: readonly unknown[]): Promise<SentData> {
    return { kind: "arrays", parts: await packParts(this.packer, where, given) };
  }

  /** Packs data to train on or to measure: a dataset of batches [x, y] or [x, y, sampleWeight], or such a list. */
  async labelled(where: string, given: readonly unknown[] | Dataset<unknown>): Promise<SentData> {
    if (!isDataset(given)) return this.arrays(where, given);
    return this.lend(where, given, async (element, packer) => {
      checkBatch(where, element);
      return packParts(packer, where, element);
    });
  }

  /** Packs what is predicted: x, or a dataset of x or of lists that begin with x. */
  async inputs(where: string, given: unknown): Promise<SentData> {
    if (!isDataset(given)) return this.arrays(where, [given]);
    return this.lend(where, given, (element, packer) =>
      packer.pack(`${where}: x`, (Array.isArray(element) ? element[0] : element) as DataLike),
    );
  }

  private lend(
    where: string,
    dataset: Dataset<unknown>,
    packWith: (element: unknown, packer: Packer) => Promise<PackedElement["element"]>,
  ): SentData {
    const pack = async (element: unknown): Promise<PackedElement> => {
      const packer = new Packer(this.giveAway);
      return { element: await packWith(element, packer), transfer: packer.transfer };
    };
    const source = this.lent.push({ where, dataset, pack }) - 1;
    return { kind: "dataset", source, size: dataset.size };
  }
}

async function packParts(packer: Packer, where: string, parts: readonly unknown[]): Promise<Parcel[]> {
  const packed: Parcel[] = [];
  for (const [index, part] of parts.entries())
    packed.push(await packer.pack(`${where}: ${partNames[index]}`, part as DataLike));
  return packed;
}
