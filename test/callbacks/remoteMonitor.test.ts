// Does a server hear of each epoch, and does training go on without one?

import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { remoteMonitor } from "../../bindings/callbacks/index.ts";
import { classifier, samples } from "../training/problem.ts";

const { x, y } = samples(60);
const quiet = { verbose: 0, epochs: 2 } as const;
afterEach(() => void vi.restoreAllMocks());

interface Heard {
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A server that answers with `status`, while `use` runs. @returns what it has heard. */
async function listening(status: number, use: (root: string) => Promise<unknown>): Promise<Heard[]> {
  const heard: Heard[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const piece of request) body += piece;
    heard.push({ url: request.url, headers: request.headers, body });
    response.writeHead(status).end("noted");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  return heard;
}

test("numbers of each epoch as a form, or as JSON", async () => {
  let losses: readonly number[] = [];
  const form = await listening(200, async (root) => {
    const callbacks = [remoteMonitor({ root, headers: { "x-run": "7" } })];
    losses = (await classifier().fit(x, y, { ...quiet, callbacks })).loss;
  });
  expect(form.map(({ url }) => url)).toEqual(["/publish/epoch/end/", "/publish/epoch/end/"]);
  expect(form[0]?.headers["x-run"]).toBe("7");
  const told = form.map(({ body }) => JSON.parse(new URLSearchParams(body).get("data") as string));
  expect(told.map(({ epoch, loss }) => [epoch, loss])).toEqual(losses.map((loss, epoch) => [epoch, loss]));
  const json = await listening(200, (root) =>
    classifier().fit(x, y, { ...quiet, callbacks: [remoteMonitor({ root, path: "/here", sendAsJson: true })] }),
  );
  expect(json[1]?.headers["content-type"]).toBe("application/json");
  expect(JSON.parse(json[1]?.body as string)).toEqual(told[1]);
});

test("a server that is not there, or refuses, is said, and training goes on", async () => {
  const written: string[] = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => written.push(String(text)) > 0);
  let gone = "";
  await listening(503, async (root) => {
    gone = root;
    await classifier().fit(x, y, { ...quiet, epochs: 1, callbacks: [remoteMonitor({ root })] });
  });
  const history = await classifier().fit(x, y, { ...quiet, callbacks: [remoteMonitor({ root: gone })] });
  vi.restoreAllMocks();
  expect(history.epoch).toEqual([0, 1]);
  expect(written.length).toBe(3);
  expect(written[0]).toBe(`${gone}/publish/epoch/end/ was not told of epoch 1: status 503\n`);
});

test.each([
  [{ root: "localhost" }, "remoteMonitor.root: expected an address that begins with http"],
  [{ root: "ftp://localhost" }, "remoteMonitor.root"],
  [{ root: "http://localhost", path: "@elsewhere/" }, "remoteMonitor.root"],
  [{ path: 1 as never }, "remoteMonitor.path: expected text"],
  [{ headers: "x" as never }, "remoteMonitor.headers: expected an object"],
  [{ url: "http://localhost" } as never, '"url"'],
])("%o is refused", (options, message) => {
  expect(() => remoteMonitor(options)).toThrow(message);
});
