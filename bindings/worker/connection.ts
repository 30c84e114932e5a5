// How are calls made to a worker, and what becomes of them when it fails or is stopped?

import { untilAborted } from "../aborting.ts";
import type { Callback, ModelInTraining } from "../callbacks/callback.ts";
import { show, TensorError } from "../errors.ts";
import { webLocks } from "../platform/locks.ts";
import type { Spawned, WorkerEvents } from "../platform/spawn.ts";
import { isToOwner } from "./heard.ts";
import { type LentDataset, LentDatasets } from "./lentDatasets.ts";
import {
  type AwaitedEvent,
  type Call,
  type FailureCause,
  type ProgressReport,
  readError,
  type ToOwner,
  type ToWorker,
} from "./messages.ts";
import { unsendable } from "./parcel.ts";

/** What a call brings along beside its data. */
export interface CallCompanions {
  readonly callbacks?: readonly Callback[];
  readonly signal?: AbortSignal | undefined;
  /** The model as callbacks have it. */
  readonly model?: (stop: () => void) => ModelInTraining;
}

/** A call that has no result yet. */
interface PendingCall {
  readonly resolve: (value: unknown) => void;
  readonly reject: (cause: unknown) => void;
  readonly callbacks: readonly Callback[];
  readonly signal: AbortSignal | undefined;
  readonly model: CallCompanions["model"];
  readonly datasets: LentDatasets;
  /** What a callback threw: the result of the call, whatever the worker says. */
  thrown: { readonly cause: unknown } | undefined;
}

/** What {@link Connection.call} sends. */
export interface PreparedCall {
  readonly call: Call;
  readonly transfer?: Iterable<ArrayBuffer>;
  /** Datasets whose elements the worker asks for. */
  readonly lent?: readonly LentDataset[];
}

/** The owner's end of a worker. */
export class Connection {
  private readonly where: string;
  private readonly pending = new Map<number, PendingCall>();
  private readonly ready: Promise<void>;
  private becomeReady = (): void => {};
  private becomeUnready: (cause: unknown) => void = () => {};
  private listening = false;
  private worker: Spawned | undefined;
  private ended: TensorError | undefined;
  private retired = false;
  /** Ends when the last call has been sent: calls reach the worker in the order in which they were made. */
  private sent: Promise<unknown>;
  private open = 0;
  private calls = 0;

  /**
   * @param where begins the messages of errors.
   * @param start starts the worker.
   * @param patience milliseconds until a worker that does not answer counts as failed.
   */
  constructor(where: string, start: (events: WorkerEvents) => Promise<Spawned>, patience: number) {
    this.where = where;
    this.ready = new Promise((resolve, reject) => {
      this.becomeReady = resolve;
      this.becomeUnready = reject;
    });
    this.ready.catch(() => {});
    this.sent = this.ready;
    const timer = setTimeout(() => this.fail(new Error(`nothing for ${patience / 1000} s`)), patience);
    const settle = (): void => clearTimeout(timer);
    this.ready.then(settle, settle);
    const events: WorkerEvents = {
      message: (message) => {
        try {
          if (isToOwner(message)) this.hear(message);
          else this.end(this.misheard(this.where, message));
        } catch (cause) {
          this.fail(cause);
        }
      },
      failure: (cause) => this.fail(cause),
    };
    start(events).then(
      (worker) => {
        this.worker = worker;
        if (this.ended !== undefined) worker.stop();
        else worker.hold(this.open > 0);
      },
      (cause: unknown) => this.fail(cause),
    );
  }

  /**
   * Makes a call and waits for its result.
   * @param prepare makes the message; calls are sent in the order in which they were made, however long that takes.
   * @param isResult whether the worker's answer is one.
   * @throws {TensorError} `state` when the worker has ended; the reason of the signal; what a callback threw; what the
   *   worker threw.
   */
  async call<T>(
    where: string,
    prepare: () => PreparedCall | Promise<PreparedCall>,
    isResult: (value: unknown) => value is T,
    companions: CallCompanions = {},
  ): Promise<T> {
    const { callbacks = [], signal, model } = companions;
    this.hold(1);
    try {
      const sending = this.sent.then(async () => {
        if (this.ended !== undefined) throw this.ended;
        const prepared = await prepare();
        signal?.throwIfAborted();
        return this.send(where, prepared, { callbacks, signal, model, thrown: undefined });
      });
      this.sent = sending.catch(() => {});
      const { result } = await untilAborted(signal, () => sending);
      const value = await result;
      if (isResult(value)) return value;
      const cause = this.misheard(where, value);
      this.end(cause);
      throw cause;
    } finally {
      this.hold(-1);
    }
  }

  /** Ends the worker at once; calls without a result fail. */
  stop(): void {
    this.end(
      new TensorError("state", {
        where: this.where,
        expected: "a worker that runs",
        received: "one that was stopped",
        remedy: "Make a new one with modelInWorker.",
      }),
    );
  }

  /** Ends the worker as soon as no call is under way. */
  retire(): void {
    this.retired = true;
    if (this.open === 0) this.stop();
  }

  private send(
    where: string,
    { call, transfer = [], lent = [] }: PreparedCall,
    companions: Omit<PendingCall, "resolve" | "reject" | "datasets">,
  ): { readonly result: Promise<unknown> } {
    if (this.ended !== undefined) throw this.ended;
    const id = this.calls++;
    try {
      this.tell({ kind: "call", id, call }, [...transfer]);
    } catch (cause) {
      throw unsendable(where, cause);
    }
    const { signal } = companions;
    const abort = (): void => this.tell({ kind: "abort", id });
    const datasets = new LentDatasets(lent, (reading, answer, given = []) =>
      this.tell({ kind: "dataset", id, reading, answer }, [...given]),
    );
    const result = new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject, datasets, ...companions });
    });
    signal?.addEventListener("abort", abort, { once: true });
    const finish = (): void => {
      signal?.removeEventListener("abort", abort);
      datasets.close();
    };
    const done = result.finally(finish);
    // Nobody waits for it when the signal is aborted before the call has got it.
    done.catch(() => {});
    return { result: done };
  }

  private tell(message: ToWorker, transfer: readonly ArrayBuffer[] = []): void {
    if (this.ended === undefined) this.worker?.post(message, transfer);
  }

  private hear(message: ToOwner): void {
    if (this.ended !== undefined) return;
    if (message.kind === "ready") {
      this.listening = true;
      if (message.lock !== undefined) this.watch(message.lock);
      this.becomeReady();
      return;
    }
    const pending = this.pending.get(message.id);
    if (pending === undefined) return;
    if (message.kind === "event") void this.handle(message.id, pending, message.name, message.values);
    else if (message.kind === "progress") this.report(message.id, pending, message.progress);
    else if (message.kind === "dataset") {
      if (!pending.datasets.hear(message.reading, message.request)) this.end(this.misheard(this.where, message));
    } else {
      this.pending.delete(message.id);
      if (pending.thrown !== undefined) pending.reject(pending.thrown.cause);
      else if (message.kind === "result") pending.resolve(message.value);
      else pending.reject(this.failureOf(pending, message.cause));
    }
  }

  /** What a call that failed rejects with. */
  private failureOf({ signal, datasets }: PendingCall, cause: FailureCause): unknown {
    if (typeof cause === "object" && !("reading" in cause)) return readError(cause);
    if (cause === "aborted" && signal?.aborted === true) return signal.reason;
    if (typeof cause === "object" && datasets.failed(cause.reading)) return datasets.failureOf(cause.reading);
    // No callback has failed, no pass, no signal was aborted.
    const misheard = this.misheard(this.where, cause);
    this.end(misheard);
    return misheard;
  }

  /** The error for a worker that says something else than `serveModels` does. */
  private misheard(where: string, message: unknown): TensorError {
    const kind = (message as { readonly kind?: unknown } | null | undefined)?.kind;
    return new TensorError("state", {
      where,
      expected: "messages of serveModels() from the worker",
      received: typeof kind === "string" ? `one of kind ${show(kind)}` : show(message),
      remedy: "Its file must use the same version of wasmgrad and post no messages of its own.",
    });
  }

  private watch(lock: string): void {
    webLocks()
      ?.request(lock, () => this.fail(new Error("it was closed")))
      .catch(() => {});
  }

  /** Lets the callbacks handle what the worker waits for, one after the other. */
  private async handle(id: number, pending: PendingCall, name: AwaitedEvent, values: unknown[]): Promise<void> {
    try {
      const model = name === "onTrainBegin" ? pending.model?.(() => this.tell({ kind: "stop", id })) : undefined;
      const given = model === undefined ? values : [...values, model];
      for (const callback of pending.thrown === undefined ? pending.callbacks : [])
        await (callback[name] as ((...given: unknown[]) => unknown) | undefined)?.apply(callback, given);
    } catch (cause) {
      pending.thrown ??= { cause };
    }
    this.tell({ kind: "handled", id, failed: pending.thrown !== undefined });
  }

  private report(id: number, pending: PendingCall, { mode, done, total, logs }: ProgressReport): void {
    if (pending.thrown !== undefined) return;
    try {
      for (const callback of pending.callbacks) callback.onProgress?.({ mode, done, total, logs: () => logs });
    } catch (cause) {
      pending.thrown = { cause };
      this.tell({ kind: "handled", id, failed: true });
    }
  }

  private fail(cause: unknown): void {
    const received = (cause instanceof Error ? cause.message : String(cause)).replace(/\.$/, "");
    const parts = this.listening
      ? {
          expected: "a worker that runs",
          received: `one that ended: ${received}`,
          remedy: "Make a new one with modelInWorker; what it had not saved is lost.",
        }
      : {
          expected: "a worker that starts and serves a model",
          received,
          remedy:
            "Where a bundler loses the file of the worker, write one that calls serveModels() and pass { worker }; " +
            "the page's content security policy must allow workers.",
        };
    this.end(
      cause instanceof TensorError
        ? cause
        : new TensorError(this.listening ? "state" : "unsupported", { where: this.where, ...parts }, { cause }),
    );
  }

  private end(cause: TensorError): void {
    if (this.ended !== undefined) return;
    this.ended = cause;
    this.worker?.stop();
    this.becomeUnready(cause);
    const calls = [...this.pending.values()];
    this.pending.clear();
    for (const { reject, thrown } of calls) reject(thrown === undefined ? cause : thrown.cause);
  }

  /** The process waits for the worker exactly while a call is under way. */
  private hold(change: number): void {
    this.open += change;
    if (this.ended !== undefined) return;
    this.worker?.hold(this.open > 0);
    if (this.open === 0 && this.retired) this.stop();
  }
}
