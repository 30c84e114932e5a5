// Pictures of circles, squares and triangles on a noisy background, with what is where: every pixel's class, and boxes.

export const classes = ["circle", "square", "triangle"];

/** Numbers in [0, 1) that are the same for the same seed. Source: mulberry32 by Tommy Ettinger, public domain. */
function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Whether the pixel at (x, y) from the centre lies in the shape of radius 1. */
const inside = [
  (x, y) => x * x + y * y <= 1,
  (x, y) => Math.abs(x) <= 0.85 && Math.abs(y) <= 0.85,
  (x, y) => y <= 0.8 && y >= 2 * Math.abs(x) - 1,
];

/**
 * `count` pictures of `size` × `size` pixels with one to `most` shapes that do not touch: `images` (brightness, count ·
 * size² numbers), `labels` (0 background, 1 … classes of each pixel), `boxes` (for each picture a list of
 * { left, top, right, bottom, class }, in pixels).
 */
export function drawShapes({ count, size, most = 3, seed }) {
  const random = randomNumbers(seed);
  const between = (low, high) => low + (high - low) * random();
  const images = new Float32Array(count * size * size);
  const labels = new Int32Array(count * size * size);
  const boxes = [];
  for (let picture = 0; picture < count; picture++) {
    const start = picture * size * size;
    const dark = between(0, 0.4);
    for (let pixel = 0; pixel < size * size; pixel++) images[start + pixel] = dark + between(-0.15, 0.15);
    const placed = [];
    const wanted = 1 + Math.floor(random() * most);
    for (let attempt = 0; attempt < 20 && placed.length < wanted; attempt++) {
      const radius = between(size / 10, size / 4);
      const [x, y] = [between(radius, size - radius), between(radius, size - radius)];
      if (placed.some((other) => Math.hypot(x - other.x, y - other.y) < 1.3 * (radius + other.radius))) continue;
      placed.push({ x, y, radius, kind: Math.floor(random() * classes.length), light: between(0.5, 1) });
    }
    boxes.push(placed.map((shape) => drawShape(shape)));

    function drawShape({ x, y, radius, kind, light }) {
      const box = { left: size, top: size, right: 0, bottom: 0, class: kind };
      for (let row = 0; row < size; row++)
        for (let column = 0; column < size; column++) {
          if (!inside[kind]((column + 0.5 - x) / radius, (row + 0.5 - y) / radius)) continue;
          const pixel = start + row * size + column;
          images[pixel] = light + between(-0.15, 0.15);
          labels[pixel] = kind + 1;
          box.left = Math.min(box.left, column);
          box.top = Math.min(box.top, row);
          box.right = Math.max(box.right, column + 1);
          box.bottom = Math.max(box.bottom, row + 1);
        }
      return box;
    }
  }
  return { images, labels, boxes };
}
