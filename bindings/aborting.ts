// How does waiting for what a user gave end when its signal is aborted, although that itself may never end?

/** How long the end of something is waited for once a signal is aborted, in milliseconds. */
const graceMilliseconds = 250;

/**
 * What `action` gives, unless `signal` is aborted first. What is left behind then may fail without harm.
 * @throws the reason of the signal; what `action` throws.
 */
export async function untilAborted<T>(
  signal: AbortSignal | undefined,
  action: () => T | PromiseLike<T>,
): Promise<Awaited<T>> {
  signal?.throwIfAborted();
  const given = action();
  if (signal === undefined || !isPromise(given)) return await given;
  return new Promise<Awaited<T>>((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    const leave = (): void => signal.removeEventListener("abort", abort);
    signal.addEventListener("abort", abort, { once: true });
    Promise.resolve(given).then(resolve, reject).then(leave);
    // `action` itself may have aborted it.
    if (signal.aborted) abort();
  });
}

/** Waits for `ending`; once `signal` is aborted only for a moment. @throws what `ending` fails with in that time. */
export async function untilEnded(signal: AbortSignal | undefined, ending: unknown): Promise<void> {
  if (signal === undefined || !isPromise(ending)) {
    await ending;
    return;
  }
  await new Promise<void>((resolve, reject) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const abort = (): void => {
      timer = setTimeout(resolve, graceMilliseconds);
    };
    const leave = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    };
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    Promise.resolve(ending)
      .then(() => resolve(), reject)
      .then(leave);
  });
}

/**
 * Ends a pass over data, so that files and streams are closed. Once `signal` is aborted that is waited for only for a moment,
 * as an element that is being made may never be; and what it fails with does not count, as the reason of the signal does.
 */
export async function endIterator(iterator: AsyncIterator<unknown>, signal: AbortSignal | undefined): Promise<void> {
  const ending = (async () => iterator.return?.())();
  const ended = signal?.aborted === true ? ending.catch(() => {}) : ending;
  await untilEnded(signal, ended);
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === "function";
}
