// How many threads can run at once on edge platforms? One: they have no workers.

/** Always 1. */
export function cores(): Promise<number> {
  return Promise.resolve(1);
}

/** Always undefined: starting a worker says what is missing. */
export function isolationMissing(): string | undefined {
  return undefined;
}
