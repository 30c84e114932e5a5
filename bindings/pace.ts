// Is a program faster with other threads or alone? Another process on a processor can turn the answer: a thread that waits
// there for its turn keeps all others waiting.

/** Runs in the faster mode before the other is tried again; doubled each time that one loses again, up to the second. */
const shortestTrust = 16;
const longestTrust = 512;
/** A mode that has become so much slower since the last comparison is compared again at once. */
const slowdown = 1.3;
/** How much a new measurement counts beside those before. */
const weight = 0.3;

/** What is known of the speed of one program. */
export class Pace {
  /** Milliseconds of a run in each mode, averaged; undefined before the first. */
  private alone: number | undefined;
  private together: number | undefined;
  /** Time of the faster mode when the two were last compared. */
  private compared = 0;
  private trust = shortestTrust;
  /** Runs until the slower mode is tried. */
  private left = shortestTrust;

  /** Whether the next run should be shared. */
  share(): boolean {
    if (this.together === undefined) return true;
    if (this.alone === undefined) return false;
    const faster = this.together <= this.alone;
    return this.left === 0 ? !faster : faster;
  }

  /** Takes note of the time of a run, in milliseconds. */
  record(shared: boolean, time: number): void {
    const before = shared ? this.together : this.alone;
    const compares = before === undefined || this.left === 0;
    const average = compares ? time : before + weight * (time - before);
    if (shared) this.together = average;
    else this.alone = average;
    if (this.together === undefined || this.alone === undefined) return;
    const fastest = Math.min(this.together, this.alone);
    if (compares) {
      const lostAgain = before !== undefined && average > fastest;
      this.trust = lostAgain ? Math.min(longestTrust, 2 * this.trust) : shortestTrust;
      this.left = this.trust;
      this.compared = fastest;
    } else this.left = fastest > slowdown * this.compared ? 0 : this.left - 1;
  }
}
