// How does long work let others run?

interface WithImmediate {
  setImmediate?: (resume: () => void) => void;
}

/** Resolves after the events that are waiting have been handled. A few microseconds where nothing waits. */
export function yieldToEvents(): Promise<void> {
  const { setImmediate } = globalThis as WithImmediate;
  if (setImmediate !== undefined) return new Promise((resolve) => setImmediate(resolve));
  // workerd has message channels only since compatibility date 2025-08-15.
  if (typeof MessageChannel === "undefined") return new Promise((resolve) => setTimeout(resolve, 0));
  return new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      channel.port1.close();
      resolve();
    };
    channel.port2.postMessage(null);
  });
}
