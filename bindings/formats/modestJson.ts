// How much memory would JSON take? What is to be trusted less than its length is looked over before it is parsed.

/** Deepest nesting: that of some sixty models in one another. */
const deepest = 256;
/** Most lists, objects and keys, whatever the length. */
const mostParts = 1 << 21;
/** Those of a short text, and characters of a long one for each of its own: what wasmgrad writes has more. */
const [fewParts, charactersForEach] = [1 << 16, 8];

/**
 * Whether `json` has lists, objects and keys in proportion to its length, and not too deep: parsing it then takes memory in
 * proportion. Numbers and texts do that anyway, however many there are.
 */
export function isModest(json: string): boolean {
  const most = Math.min(mostParts, fewParts + json.length / charactersForEach);
  let [parts, depth] = [0, 0];
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === quote) at = endOfText(json, at);
    else if (code === colon) parts++;
    else if (code === openBrace || code === openBracket) {
      parts++;
      if (++depth > deepest) return false;
    } else if (code === closeBrace || code === closeBracket) depth--;
    if (parts > most) return false;
  }
  return true;
}

/** The place of the quote that ends the text which begins with the one at `begin`, or the length of `json`. */
export function endOfText(json: string, begin: number): number {
  let at = begin + 1;
  while (at < json.length && json.charCodeAt(at) !== quote) at += json.charCodeAt(at) === backslash ? 2 : 1;
  return at;
}

const [quote, backslash, colon] = [0x22, 0x5c, 0x3a];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];
