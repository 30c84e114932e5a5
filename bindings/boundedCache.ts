// Which compiled programs are kept? The most recently used ones.

/** A map that forgets the entry used longest ago when it holds more than `limit`. */
export class BoundedCache<K, V> {
  private readonly entries = new Map<K, V>();
  private readonly limit: number;
  private readonly forget: (value: V) => void;

  constructor(limit: number, forget: (value: V) => void = () => {}) {
    this.limit = limit;
    this.forget = forget;
  }

  /** The value at `key`, made by `make` when it is not there. */
  get(key: K, make: () => V): V {
    let value = this.entries.get(key);
    if (value === undefined) value = make();
    else this.entries.delete(key);
    this.entries.set(key, value);
    if (this.entries.size > this.limit) {
      const [oldest, dropped] = this.entries.entries().next().value as [K, V];
      this.entries.delete(oldest);
      this.forget(dropped);
    }
    return value;
  }

  /** All values, the one used longest ago first. */
  values(): V[] {
    return [...this.entries.values()];
  }

  /** Forgets everything. */
  clear(): void {
    for (const value of this.entries.values()) this.forget(value);
    this.entries.clear();
  }
}
