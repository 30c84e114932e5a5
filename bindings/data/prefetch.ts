// How are elements made before they are wanted, and never more than a few of them?

/** The elements of `source`, of which up to `count` are asked for ahead. What fails does so when its turn comes. */
export async function* prefetched<T>(source: AsyncIterable<T>, count: number): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  const waiting: Promise<IteratorResult<T>>[] = [];
  let finished = false;
  try {
    for (;;) {
      while (waiting.length < count && !finished) {
        const asked = iterator.next();
        // It is awaited below; without this a failure would count as unhandled until then.
        asked.then(
          ({ done }) => {
            finished ||= done === true;
          },
          () => {
            finished = true;
          },
        );
        waiting.push(asked);
      }
      const next = waiting.shift();
      if (next === undefined) return;
      const result = await next;
      if (result.done === true) return;
      yield result.value;
    }
  } finally {
    await Promise.allSettled(waiting);
    await iterator.return?.();
  }
}
