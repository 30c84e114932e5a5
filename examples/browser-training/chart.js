// How does a curve grow while a model trains?

const [width, height] = [320, 200];
const edge = { left: 40, right: 8, top: 8, bottom: 22 };

/**
 * A chart in an <svg> with two curves: `train` of many points, `test` of one an epoch. Values lie between 0 and `top`;
 * without `top` the largest value decides.
 */
export function createChart(svg, { top, format }) {
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const curves = { train: [], test: [] };
  let epochs = 1;
  let scheduled = false;

  const draw = () => {
    scheduled = false;
    const values = [...curves.train, ...curves.test].map(([, value]) => value);
    const highest = top ?? roundUp(Math.max(0.1, ...values));
    const x = (epoch) => edge.left + (epoch / epochs) * (width - edge.left - edge.right);
    const y = (value) =>
      height - edge.bottom - (Math.min(value, highest) / highest) * (height - edge.top - edge.bottom);
    const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => share * highest);
    const step = Math.max(1, Math.ceil(epochs / 10));
    const marks = Array.from({ length: Math.floor(epochs / step) + 1 }, (_, index) => index * step);
    const points = (curve) => curve.map(([epoch, value]) => `${x(epoch).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    svg.innerHTML = [
      ...ticks.map(
        (value) =>
          `<line class="grid" x1="${edge.left}" x2="${width - edge.right}" y1="${y(value)}" y2="${y(value)}" />` +
          `<text x="${edge.left - 6}" y="${y(value) + 4}" text-anchor="end">${format(value)}</text>`,
      ),
      ...marks.map((epoch) => `<text x="${x(epoch)}" y="${height - 4}" text-anchor="middle">${epoch}</text>`),
      `<polyline points="${points(curves.train)}" />`,
      `<polyline class="test" points="${points(curves.test)}" />`,
      ...curves.test.map(([epoch, value]) => `<circle cx="${x(epoch)}" cy="${y(value)}" r="3" />`),
    ].join("");
  };
  const schedule = () => {
    if (!scheduled) requestAnimationFrame(draw);
    scheduled = true;
  };
  schedule();

  return {
    /** Adds a point; `epoch` may lie between two epochs. */
    add(curve, epoch, value) {
      curves[curve].push([epoch, value]);
      schedule();
    },
    /** Makes room for the epochs up to `end`, and forgets the points after `start`, of an epoch that was stopped. */
    begin(start, end) {
      epochs = Math.max(1, end);
      for (const [name, curve] of Object.entries(curves)) curves[name] = curve.filter(([epoch]) => epoch <= start);
      schedule();
    },
    clear() {
      Object.assign(curves, { train: [], test: [] });
      schedule();
    },
    /** What people read who do not see the curves. */
    describe(text) {
      svg.setAttribute("aria-label", text);
    },
  };
}

/** The next of 1, 2, 2.5, 5, 10, … times a power of ten. */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].find((factor) => factor * power >= value) * power;
}
