// How much memory would JSON take? What is to be trusted less than its length is looked over before it is parsed.

/** Deepest nesting: that of some sixty models in one another. */
const deepest = 256;
/** Most values, whatever the length. */
const mostValues = 1 << 21;
/** Values of a short text, and characters of a long one for each of its values: what wasmgrad writes has more. */
const [fewValues, charactersForEach] = [1 << 16, 8];

/** Whether `json` has values in proportion to its length, and not too deep: parsing it then takes memory in proportion. */
export function isModest(json: string): boolean {
  const most = Math.min(mostValues, fewValues + json.length / charactersForEach);
  let [values, depth] = [0, 0];
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === quote) at = endOfText(json, at);
    else if (code === comma) values++;
    else if (code === openBrace || code === openBracket) {
      values++;
      if (++depth > deepest) return false;
    } else if (code === closeBrace || code === closeBracket) depth--;
    if (values > most) return false;
  }
  return true;
}

/** The place of the quote that ends the text which begins with the one at `begin`, or the length of `json`. */
export function endOfText(json: string, begin: number): number {
  let at = begin + 1;
  while (at < json.length && json.charCodeAt(at) !== quote) at += json.charCodeAt(at) === backslash ? 2 : 1;
  return at;
}

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];
