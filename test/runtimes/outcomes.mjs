// What must hold of an outcome, by itself and beside the first one?

/** `<runtime> <version> threads=<n> accuracy=<a> sha256=<hex>`, with the number of threads that there really were. */
export function lineOf(runtime, { version, threads, accuracy, sha256 }) {
  return `${runtime.label} ${version} threads=${threads} accuracy=${accuracy.toFixed(4)} sha256=${sha256}`;
}

/**
 * Checks threads and warnings. A page that is not isolated computes on one thread, and says so exactly once with the two
 * headers that would change it, if more were asked for. Nobody else says anything.
 * @throws {Error} with what was expected and received.
 */
export function checkOutcome(runtime, asked, { threads, accuracy, warnings }) {
  const alone = runtime.isolated === false;
  const expected = alone ? 1 : asked;
  if (threads !== expected) throw new Error(`threads: expected ${expected}, received ${threads}`);
  const wanted = alone && asked > 1 ? 1 : 0;
  if (warnings.length !== wanted)
    throw new Error(`warnings: expected ${wanted}, received ${warnings.length}\n${warnings.join("\n")}`);
  for (const header of ["Cross-Origin-Opener-Policy: same-origin", "Cross-Origin-Embedder-Policy: require-corp"])
    if (wanted === 1 && !warnings[0].includes(header)) throw new Error(`the warning lacks ${header}: ${warnings[0]}`);
  if (!(accuracy > 0.85)) throw new Error(`accuracy: expected over 0.85, received ${accuracy}`);
}

/** @throws {Error} with what differs from the outcome of the first runtime. */
export function compare(first, outcome) {
  if (first === undefined) return;
  for (const [field, what] of [
    ["sha256", "the trained weights"],
    ["variety", "the weights and predictions of the network with many layers"],
    ["accuracy", "the accuracy"],
  ])
    if (outcome[field] !== first[field])
      throw new Error(
        `${what}: ${first.runtime.label} ${first.version} threads=${first.threads} gave ${first[field]}, here ${outcome[field]}`,
      );
}
