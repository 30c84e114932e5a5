// How are elements made before they are wanted, and never more than a few of them?

/** The elements of `source`, of which up to `count` are made ahead, one after the other. What fails does so in its turn. */
export async function* prefetched<T>(source: AsyncIterable<T>, count: number): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  /** A ring of the elements that wait. */
  const waiting: T[] = [];
  let [made, taken] = [0, 0];
  let [left, finished] = [false, false];
  let failure: { readonly cause: unknown } | undefined;
  let [wakeMaker, wakeTaker] = [(): void => {}, (): void => {}];
  const make = async (): Promise<void> => {
    try {
      while (!left) {
        const { done, value } = await iterator.next();
        if (done === true) break;
        waiting[made++ % count] = value;
        wakeTaker();
        while (made - taken === count && !left)
          await new Promise<void>((resolve) => {
            wakeMaker = resolve;
          });
      }
    } catch (cause) {
      failure = { cause };
    }
    finished = true;
    wakeTaker();
  };
  const making = make();
  try {
    for (;;) {
      while (made === taken && !finished)
        await new Promise<void>((resolve) => {
          wakeTaker = resolve;
        });
      if (made === taken) break;
      const value = waiting[taken++ % count] as T;
      wakeMaker();
      yield value;
    }
    if (failure !== undefined) throw failure.cause;
  } finally {
    left = true;
    wakeMaker();
    await making;
    await iterator.return?.();
  }
}
