// Which batches come next, pass after pass?

import type { Feed, Portion } from "./feed.ts";

/** What a {@link Reader} asks about passes. */
export interface Passes {
  /** The pass that begins: decides the order of the rows, together with `seed`. */
  readonly begin: () => { readonly epoch: number; readonly seed: number };
  /** One that was begun has ended, at the end of the data or before. */
  readonly end?: () => void;
}

/** Reads a feed from pass to pass; where a pass is left, the next call goes on. */
export class Reader {
  readonly feed: Feed;
  private readonly passes: Passes;
  private open = false;
  private rest: Portion | undefined;

  constructor(feed: Feed, passes: Passes) {
    this.feed = feed;
    this.passes = passes;
  }

  /** The next batches, at most `most` of them; undefined at the end of a pass, after which another one begins. */
  async take(most: number): Promise<Portion | undefined> {
    if (!this.open) {
      const { epoch, seed } = this.passes.begin();
      await this.feed.start(epoch, seed);
      this.open = true;
    }
    const portion = this.rest ?? (await this.feed.next());
    if (portion === undefined) {
      this.close();
      return undefined;
    }
    const { cursor, batch } = portion;
    const steps = Math.min(portion.steps, most);
    const left = portion.steps - steps;
    this.rest = left === 0 ? undefined : { cursor: cursor + batch * steps, batch, steps: left };
    return { cursor, batch, steps };
  }

  /** Ends the pass that is open. */
  close(): void {
    if (!this.open) return;
    this.open = false;
    this.rest = undefined;
    this.passes.end?.();
  }
}
