// How does a server hear of each epoch?

import { check, show } from "../errors.ts";
import { flag, type OptionRule, settle } from "../optionRules.ts";
import { terminal } from "../platform/terminal.ts";
import type { Callback } from "./callback.ts";

/** Options of {@link remoteMonitor}. */
export interface RemoteMonitorOptions {
  /** Where the server is: http or https. Default "http://localhost:9000". */
  readonly root?: string;
  /** Added to it. Default "/publish/epoch/end/". */
  readonly path?: string;
  /** Name of the field of a form that holds the numbers. Default "data". */
  readonly field?: string;
  /** Headers of the request. Default none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Send the numbers as JSON instead of a form with one field of JSON. Default false. */
  readonly sendAsJson?: boolean;
}

/** How long a server may take, in milliseconds. */
const patience = 10_000;

/**
 * Posts `{ epoch, loss, … }` to a server after each epoch. One that cannot be reached, or answers with a status that is no
 * success, is said in a line; training goes on.
 * @throws {TensorError} `option`.
 */
export function remoteMonitor(options: RemoteMonitorOptions = {}): Callback {
  const where = "remoteMonitor";
  const { root, path, field, headers, sendAsJson } = settle<Required<RemoteMonitorOptions>>(where, options, {
    root: text("http://localhost:9000"),
    path: text("/publish/epoch/end/"),
    field: text("data"),
    headers: record,
    sendAsJson: flag(false),
  });
  const address = `${root}${path}`;
  // A path that begins with "@" or ":" would lead to another host.
  check(URL.canParse(address) && /^https?:/.test(root) && hostOf(address) === hostOf(root), "option", () => ({
    where: `${where}.root`,
    expected: "an address that begins with http:// or https://, and a path below it",
    received: show(address),
  }));
  return {
    onEpochEnd: async (epoch, logs) => {
      const numbers = JSON.stringify({ epoch, ...logs });
      const request = sendAsJson
        ? { body: numbers, headers: { "content-type": "application/json", ...headers } }
        : { body: new URLSearchParams({ [field]: numbers }), headers };
      const signal = AbortSignal.timeout(patience);
      const trouble = await fetch(address, { method: "POST", ...request, signal }).then(
        async (response) => {
          await response.body?.cancel();
          return response.ok ? undefined : `status ${response.status}`;
        },
        (cause: unknown) => (cause instanceof Error ? cause.message : String(cause)),
      );
      if (trouble !== undefined) terminal().write(`${address} was not told of epoch ${epoch + 1}: ${trouble}\n`);
    },
  };
}

function hostOf(address: string): string | undefined {
  return URL.canParse(address) ? new URL(address).host : undefined;
}

function text(initial: string): OptionRule<string> {
  return {
    initial,
    check: (where, value) =>
      check(typeof value === "string", "option", () => ({ where, expected: "text", received: show(value) })),
  };
}

const record: OptionRule<Readonly<Record<string, string>>> = {
  initial: {},
  check: (where, value) =>
    check(typeof value === "object" && value !== null && !Array.isArray(value), "option", () => ({
      where,
      expected: "an object of texts",
      received: show(value),
    })),
};
