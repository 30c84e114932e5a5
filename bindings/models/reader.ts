// Which batches come next, pass after pass?

import type { Feed, Portion } from "./feed.ts";
import type { Start } from "./fit.ts";

/** What a {@link Reader} asks about passes. */
export interface Passes {
  /** The pass that begins: decides the order of the rows, together with `seed`. */
  readonly begin: () => { readonly epoch: number; readonly seed: number };
  /** One that was begun has ended, at the end of the data or before. */
  readonly end?: () => void;
  /** How many batches of the first pass are passed over. Default none. */
  readonly start?: Start;
}

/** Reads a feed from pass to pass; where a pass is left, the next call goes on. */
export class Reader {
  readonly feed: Feed;
  private readonly passes: Passes;
  /** Batches of the pass that were taken. */
  taken: number;
  private open = false;
  private rest: Portion | undefined;

  constructor(feed: Feed, passes: Passes) {
    this.feed = feed;
    this.passes = passes;
    this.taken = passes.start?.taken ?? 0;
  }

  /** The next batches, at most `most` of them; undefined at the end of a pass, after which another one begins. */
  async take(most: number): Promise<Portion | undefined> {
    if (!this.open) {
      const { epoch, seed } = this.passes.begin();
      await this.feed.start(epoch, seed);
      this.open = true;
      await this.passOver(this.taken);
    }
    const portion = await this.next(most);
    if (portion === undefined) this.close();
    return portion;
  }

  private async passOver(count: number): Promise<void> {
    for (this.taken = 0; this.taken < count; ) {
      const portion = await this.next(count - this.taken);
      if (portion === undefined) throw this.passes.start?.tooFew?.(this.taken);
    }
  }

  private async next(most: number): Promise<Portion | undefined> {
    const portion = this.rest ?? (await this.feed.next());
    if (portion === undefined) return undefined;
    const { cursor, batch } = portion;
    const steps = Math.min(portion.steps, most);
    const left = portion.steps - steps;
    this.rest = left === 0 ? undefined : { cursor: cursor + batch * steps, batch, steps: left };
    this.taken += steps;
    return { cursor, batch, steps };
  }

  /** Ends the pass that is open. */
  close(): void {
    if (!this.open) return;
    this.open = false;
    this.rest = undefined;
    this.taken = 0;
    this.passes.end?.();
  }
}
