// Is a program faster with other threads or alone? Another process on a processor can turn the answer: a thread that waits
// there for its turn keeps all others waiting.

/** Milliseconds of running one way before the other is tried; doubled each time that loses again, up to the second. */
const shortestTrust = 100;
const longestTrust = 5000;
/** Milliseconds of a trial. */
const trialTime = 15;
/** The first call after a change counts only if it takes so long: threads are asleep at its beginning, and caches empty. */
const warmAfter = 50;
/** Trials take at most one run of so many. */
const runsPerTrial = 10;
/** A way that has become so much slower since the last trial is tried against the other at once. */
const slowdown = 1.3;
/** Milliseconds after which what was measured before counts half. */
const memory = 40;

/** What is known of the speed of one program. */
export class Pace {
  /** Whether it is shared outside trials. */
  private shared = true;
  /** Milliseconds of one run, averaged; what that was at the end of the last trial. */
  private average: number | undefined;
  private compared: number = Number.POSITIVE_INFINITY;
  private trust = shortestTrust;
  /** Milliseconds until the next trial. */
  private left = shortestTrust;
  /** The other way, being tried: its time so far. */
  private trial: { milliseconds: number; runs: number } | undefined;
  /** The next run is the first of its way for a while. */
  private cold = true;

  /** Whether the next run should be shared. */
  share(): boolean {
    return this.trial === undefined ? this.shared : !this.shared;
  }

  /** Takes note of what {@link share} has decided on: `repeats` runs in one go that took `milliseconds`. */
  record(milliseconds: number, repeats: number): void {
    const { cold } = this;
    this.cold = false;
    if (cold && milliseconds < warmAfter) return;
    const { trial } = this;
    if (trial !== undefined) {
      trial.milliseconds += milliseconds;
      trial.runs += repeats;
      if (trial.milliseconds >= trialTime) this.decide(trial.milliseconds / trial.runs, milliseconds);
      return;
    }
    const time = milliseconds / repeats;
    const weight = milliseconds / (milliseconds + memory);
    this.average = this.average === undefined ? time : this.average + weight * (time - this.average);
    this.left -= milliseconds;
    if (this.left > 0 && this.average <= slowdown * this.compared) return;
    this.trial = { milliseconds: 0, runs: 0 };
    this.cold = true;
  }

  /** Ends a trial in which one run took `other` milliseconds, and one call `milliseconds`. */
  private decide(other: number, milliseconds: number): void {
    if (other < (this.average as number)) {
      this.shared = !this.shared;
      this.average = other;
      this.trust = shortestTrust;
    } else {
      this.trust = Math.min(longestTrust, 2 * this.trust);
      this.cold = true;
    }
    this.left = Math.max(this.trust, runsPerTrial * milliseconds);
    this.compared = this.average as number;
    this.trial = undefined;
  }
}
