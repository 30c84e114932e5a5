// Which bytes of the arena does a program read before it writes them?

/** A piece of the arena, in bytes from its beginning. */
export interface Piece {
  readonly address: number;
  readonly bytes: number;
}

/** What is read and written, one after the other. */
export class Touched {
  /** Where each piece begins and where it ends, by turns. */
  private readonly borders: number[] = [];
  /** Whether each is written. */
  private readonly writes: boolean[] = [];

  /** Adds the reading or writing of [begin, end). */
  add(begin: number, end: number, writes: boolean): void {
    if (begin === end) return;
    this.borders.push(begin, end);
    this.writes.push(writes);
  }

  /** What is read before it is written, lowest address first, in n·log n steps however the pieces lie. */
  readFirst(): Piece[] {
    const sorted = Float64Array.from(this.borders).sort();
    const borders = sorted.filter((border, index) => border !== sorted[index - 1]);
    // From one border to the next is a part. `next` of it: itself until it is touched, then one of those behind it.
    const next = Uint32Array.from(borders, (_, part) => part);
    const untouched = (from: number): number => {
      let part = from;
      for (let behind = next[part] as number; behind !== part; behind = next[part] as number) {
        next[part] = next[behind] as number;
        part = behind;
      }
      return part;
    };
    const found = new Uint8Array(borders.length);
    this.writes.forEach((writes, index) => {
      const [begin, end] = [this.borders[2 * index] as number, this.borders[2 * index + 1] as number];
      for (let part = untouched(placeOf(borders, begin)); (borders[part] as number) < end; part = untouched(part)) {
        next[part] = part + 1;
        if (!writes) found[part] = 1;
      }
    });
    const pieces: Piece[] = [];
    for (let part = 0; part < found.length; part++) {
      const begin = part;
      while (found[part] === 1) part++;
      const address = borders[begin] as number;
      if (part > begin) pieces.push({ address, bytes: (borders[part] as number) - address });
    }
    return pieces;
  }
}

/** Position of `border` in `borders`. */
function placeOf(borders: Float64Array, border: number): number {
  let [low, high] = [0, borders.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((borders[middle] as number) < border) low = middle + 1;
    else high = middle;
  }
  return low;
}
