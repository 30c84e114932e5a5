// How does workerd run the conformance script? As a request: `GET /conform?threads=1` trains there, and `POST /serve`
// with a saved network measures that network. The digits are bindings of the configuration.

import { loadIdxPair } from "wasmgrad/datasets";
import { conform, serve } from "./conformance.mjs";

async function answer(request, env) {
  const pair = (images, labels) => loadIdxPair(new Uint8Array(images), new Uint8Array(labels));
  const test = pair(env.TEST_IMAGES, env.TEST_LABELS);
  if (request.method === "POST") return serve(new Uint8Array(await request.arrayBuffer()), test);
  const threads = Number(new URL(request.url).searchParams.get("threads"));
  const { saved: _, ...outcome } = await conform(threads, { train: pair(env.TRAIN_IMAGES, env.TRAIN_LABELS), test });
  return outcome;
}

// The only name that workerd looks for.
export default {
  async fetch(request, env) {
    try {
      return Response.json(await answer(request, env));
    } catch (cause) {
      return Response.json({ error: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) });
    }
  },
};
