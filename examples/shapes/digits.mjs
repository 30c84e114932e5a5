// How do pictures of 28 × 28 pixels look in a terminal? Two rows of pixels become one line of text.

const shades = " .:-=+*#%@";

/** Lines of text that show `count` pictures side by side; `data` holds them one after the other, 0 black to 1 white. */
export function digitRows(data, count, size = 28) {
  return Array.from({ length: size / 2 }, (_, line) =>
    Array.from({ length: count }, (_, picture) =>
      Array.from({ length: size }, (_, column) => {
        const at = picture * size * size + 2 * line * size + column;
        const light = (data[at] + data[at + size]) / 2;
        return shades[Math.min(shades.length - 1, Math.max(0, Math.floor(light * shades.length)))];
      }).join(""),
    ).join(" "),
  );
}
