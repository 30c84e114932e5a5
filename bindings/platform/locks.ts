// Which locks tell that a Web Worker has ended?

/** The Web Locks of a page and its workers; undefined where workers tell of their end themselves, or nobody does. */
export function webLocks(): Pick<LockManager, "request"> | undefined {
  const { process, navigator } = globalThis as {
    process?: { readonly versions?: { readonly node?: string } };
    navigator?: { readonly locks?: LockManager };
  };
  return process?.versions?.node === undefined ? navigator?.locks : undefined;
}
