// What memory do machines and kernels work in? One that threads can share.

/** Most pages that WebAssembly can address: 4 GiB. */
export const maximumPages = 65536;

/** Shared memory of `initial` pages. Some browsers on telephones reserve less address space than the most there can be. */
export function sharedMemory(initial: number): WebAssembly.Memory {
  for (let maximum = maximumPages; ; maximum /= 2) {
    try {
      return new WebAssembly.Memory({ initial, maximum, shared: true });
    } catch (cause) {
      if (maximum <= 1024) throw cause;
    }
  }
}
