// Deliberate slips in the kernels, as somebody could make them: the sweep must notice each of them.
//
// `find` is a text that stands in the file exactly once, and `replace` what stands there with the slip. A file has several
// where a kernel has several paths. `only` are the subjects of the sweep that use the kernel.

/**
 * @typedef {{ readonly name: string, readonly file: string, readonly find: string, readonly replace: string,
 *   readonly only: string }} Slip
 */

const products = "matMul";
const convolutions = "conv,convInputGradient,convKernelGradient";
const windows = "conv,depthwiseConv,convInputGradient,convKernelGradient";

/** @type {readonly Slip[]} */
export const slips = [
  // Products.
  {
    name: "matMul-last-rows",
    file: "matMul.ts",
    find: "const rows = min<u32>(rowBlockCount * UNIT_ROWS, m - <u32>row);",
    replace: "const rows = min<u32>(rowBlockCount * UNIT_ROWS, m - <u32>row) & ~(m > 8 ? 1 : 0);",
    only: products,
  },
  {
    name: "matMul-stride-of-a",
    file: "matMul.ts",
    find: "a + matrix * strideA + row * aRow,",
    replace: "a + matrix * strideOut + row * aRow,",
    only: products,
  },
  {
    name: "matMulBlocks-narrow-panel",
    file: "matMulBlocks.ts",
    find: "    b += 32;\n    c += 32;\n",
    replace: "    b += 16;\n    c += 32;\n",
    only: products,
  },
  {
    name: "matMulBlocks-last-row",
    file: "matMulBlocks.ts",
    find: "    if (rows > 0) tile1x16(",
    replace: "    if (rows > 1) tile1x16(",
    only: products,
  },
  {
    name: "matMulPack-tail",
    file: "matMulPack.ts",
    find: "    for (; offset < bytes; offset += 16) {\n      v128.store(out, v128.load(b + offset));",
    replace: "    for (; offset < (bytes & ~15); offset += 16) {\n      v128.store(out, v128.load(b + offset));",
    only: products,
  },
  {
    name: "matMulPack-transposed",
    file: "matMulPack.ts",
    find: "let b3 = b0 + <usize>min<u32>(3, last) * bRow;",
    replace: "let b3 = b0 + <usize>min<u32>(2, last) * bRow;",
    only: products,
  },
  {
    name: "matMulRow-steps-left",
    file: "matMulRow.ts",
    find: "  for (; k > 0; k--) {\n    const x = v128.load32_splat(a);",
    replace: "  for (; k > 1; k--) {\n    const x = v128.load32_splat(a);",
    only: products,
  },
  {
    name: "matMulTiles-4x4-row",
    file: "matMulTiles.ts",
    find: "  storeLanes(c3, sum3, lanes);",
    replace: "  storeLanes(c3, sum2, lanes);",
    only: products,
  },
  {
    name: "matMulTiles-lanes",
    file: "matMulTiles.ts",
    find: "  storeLanes(c, sum0, lanes);\n}",
    replace: "  storeLanes(c, sum0, min<u32>(lanes, 3));\n}",
    only: products,
  },

  // Reductions.
  {
    name: "reduce-row-tail",
    file: "reduce.ts",
    find: "  if (at < end) a = f.join(a, loadPartial(at, <u32>(end - at) >> 2, identity));\n",
    replace: "  if (at + 4 < end) a = f.join(a, loadPartial(at, <u32>(end - at) >> 2, identity));\n",
    only: "sum,max,min,product,mean",
  },
  {
    name: "reduce-long-row",
    file: "reduce.ts",
    find: "min(ROW_BLOCK, count - done), f32x4.splat(0));",
    replace: "min(ROW_BLOCK, (count - done) & ~3), f32x4.splat(0));",
    only: "sum,mean",
  },
  {
    name: "reduce-long-panel",
    file: "reduce.ts",
    find: "    from += <usize>PANEL_BLOCK * stride;\n",
    replace: "    from += <usize>(PANEL_BLOCK - 1) * stride;\n",
    only: "sum,mean",
  },
  {
    name: "reduce-panel-tail",
    file: "reduce.ts",
    find: "    else storePartial(to, width, a);\n    columns -= width;",
    replace: "    else storePartial(to, width, f.join(a, b));\n    columns -= width;",
    only: "sum,product,mean",
  },
  {
    name: "reduce-nan",
    file: "reduce.ts",
    find: "class MaxFloat {\n  join(a: v128, b: v128): v128 {\n    return f32x4.max(a, b);",
    replace: "class MaxFloat {\n  join(a: v128, b: v128): v128 {\n    return f32x4.pmax(a, b);",
    only: "max",
  },

  // Convolutions.
  {
    name: "conv-last-group",
    file: "conv.ts",
    find: "const firstColumn = group * (it.columns / it.groups) + column + offset;",
    replace: "const firstColumn = min<u32>(group, 1) * (it.columns / it.groups) + column + offset;",
    only: convolutions,
  },
  {
    name: "conv-columns-of-a-panel",
    file: "conv.ts",
    find: "convRectangle(it, group, block, blockCount, column, min(panelCount * PANEL, columns - column));",
    replace: "convRectangle(it, group, block, blockCount, column, min(panelCount * PANEL, (columns - column) & ~1));",
    only: convolutions,
  },
  {
    name: "convTiles-second-row",
    file: "convTiles.ts",
    find: "  v128.store(c1, sum13, 48);",
    replace: "  v128.store(c1, sum03, 48);",
    only: convolutions,
  },
  {
    name: "convWindows-edge",
    file: "convWindows.ts",
    find: "  return position < axis.input ? position : -1;",
    replace: "  return position < axis.input - 1 ? position : -1;",
    only: windows,
  },
  {
    name: "convWindows-end-of-row",
    file: "convWindows.ts",
    find: "const end = max(begin, min(length, size - from));",
    replace: "const end = max(begin, min(length, size - from - 1));",
    only: convolutions,
  },
  {
    name: "convKernelGradient-rows-left",
    file: "convKernelGradient.ts",
    find: "    const depth = min(channels - channel, it.channelPart);",
    replace: "    const depth = min(channels - channel, it.channelPart) & ~(it.channelPart > 2 ? 1 : 0);",
    only: convolutions,
  },
  {
    name: "convDepthwise-edge",
    file: "convDepthwise.ts",
    find: "    if (at < 0 || at >= inner.input) continue;",
    replace: "    if (at < 0 || at > inner.input) continue;",
    only: "depthwiseConv",
  },
  {
    name: "convDepthwise-whole",
    file: "convDepthwise.ts",
    find: "highest + (first + wholeEnd - 1) * inner.stride >= inner.input",
    replace: "highest + (first + wholeEnd - 1) * inner.stride > inner.input",
    only: "depthwiseConv",
  },
  {
    name: "convDepthwiseRows-last-neighbour",
    file: "convDepthwiseRows.ts",
    find: "  let row2 = load<usize>(scratch + 2 * ROW_BYTES) + input;\n  for (; tiles > 0; tiles--) {\n    for (let channel: usize = 0; channel < bytes; channel += 16) {\n      let sum0 = f32x4.splat(0);\n      let sum1 = f32x4.splat(0);\n      let sum2 = f32x4.splat(0);\n      let sum3 = f32x4.splat(0);",
    replace:
      "  let row2 = load<usize>(scratch + 2 * ROW_BYTES) + input;\n  for (; tiles > 0; tiles--) {\n    for (let channel: usize = 0; channel < bytes; channel += 16) {\n      let sum0 = f32x4.splat(0);\n      let sum1 = f32x4.splat(0);\n      let sum2 = f32x4.splat(0);\n      let sum3 = f32x4.splat(1);",
    only: "depthwiseConv",
  },
  {
    name: "convDepthwiseTiles-lanes",
    file: "convDepthwiseTiles.ts",
    find: "const lanes = <u32>min<usize>(bytes - channel, 16) >> 2;",
    replace: "const lanes = <u32>min<usize>(bytes - channel, 12) >> 2;",
    only: "depthwiseConv",
  },
  {
    name: "convDepthwiseGradient-panel",
    file: "convDepthwiseGradient.ts",
    find: "const lastPanel = (end - 1) / places + 1;",
    replace: "const lastPanel = max<u32>((end - 1) / places, 1);",
    only: "depthwiseConv",
  },
  {
    name: "convDepthwiseGradientTiles-third-tap",
    file: "convDepthwiseGradientTiles.ts",
    find: "        x00 = x10;\n        x01 = x11;\n        x10 = x20;",
    replace: "        x00 = x10;\n        x01 = x10;\n        x10 = x20;",
    only: "depthwiseConv",
  },
  {
    name: "convWinograd-last-tile",
    file: "convWinograd.ts",
    find: "const down = min(4, geometry.outputRows - outputRow);",
    replace: "const down = min(3, geometry.outputRows - outputRow);",
    only: convolutions,
  },
  {
    name: "convWinogradGradient-rest",
    file: "convWinogradGradient.ts",
    find: "        if (pairs == depth) continue;",
    replace: "        if (pairs >= depth - 1) continue;",
    only: convolutions,
  },
  {
    name: "convWinogradTiles-next-sample",
    file: "convWinogradTiles.ts",
    find: "  if (outputRow < geometry.outputRows) return;\n  outputRow = 0;",
    replace: "  if (outputRow < geometry.outputRows - 1) return;\n  outputRow = 0;",
    only: convolutions,
  },
  {
    name: "convWinogradTransforms-point",
    file: "convWinogradTransforms.ts",
    find: "const minusOther = f32x4.splat(pair == 1 ? -Q2 : -P2);",
    replace: "const minusOther = f32x4.splat(pair == 1 ? -Q2 : -Q2);",
    only: convolutions,
  },

  {
    name: "convSeen-outside",
    file: "convSeen.ts",
    find: "        if (row >= 0 && seen >= 0) {",
    replace: "        if (row >= 0) {",
    only: "conv",
  },

  // Pooling.
  {
    name: "pool-real-cells",
    file: "pool.ts",
    find: "  return min(begin + window, size) - max(begin, 0);",
    replace: "  return min(begin + window, size) - begin;",
    only: "averagePool",
  },
  {
    name: "pool-first-window",
    file: "pool.ts",
    find: "place < window ? 0 : (place - window) / stride + 1",
    replace: "place <= window ? 0 : (place - window) / stride + 1",
    only: "maxPool,averagePool",
  },
  {
    name: "poolFolds-nan",
    file: "poolFolds.ts",
    find: "    return v128.or(state, f32x4.ne(value, value));",
    replace: "    return state;",
    only: "maxPool",
  },
  {
    name: "poolFolds-winner",
    file: "poolFolds.ts",
    find: "    return v128.bitselect(i32x4.splat(cell), state, wins(result, value));",
    replace: "    return v128.bitselect(i32x4.splat(cell + 1), state, wins(result, value));",
    only: "maxPool",
  },
  {
    name: "poolAverage-totals",
    file: "poolAverage.ts",
    find: "              fresh = false;",
    replace: "              fresh = true;",
    only: "averagePool",
  },
  {
    name: "poolPairs-last-cell",
    file: "poolPairs.ts",
    find: "  const below = f32x4.pmax(lower, last);",
    replace: "  const below = f32x4.pmax(lower, lower);",
    only: "maxPool",
  },
  {
    name: "poolPairs-odd-edge",
    file: "poolPairs.ts",
    find: "if (y >= 2 * outHeight || x >= 2 * outWidth) {",
    replace: "if (y > 2 * outHeight || x > 2 * outWidth) {",
    only: "maxPool",
  },

  // Normalization.
  {
    name: "batchMoments-block",
    file: "batchMoments.ts",
    find: "const weight = f64x2.splat((<f64>done * <f64>count) / <f64>(done + count));",
    replace: "const weight = f64x2.splat(0);",
    only: "batchNormalization,moments,variance",
  },
  {
    name: "batchMoments-columns-left",
    file: "batchMoments.ts",
    find: "      sum = f32x4.add(sum, squareOf(f32x4.sub(loadFour(at, width), mean0)));",
    replace: "      sum = f32x4.add(sum, squareOf(f32x4.sub(v128.load(at), v128.load(mean - 16))));",
    only: "batchNormalization,moments,variance",
  },
  {
    name: "batchNormalization-tail",
    file: "batchNormalization.ts",
    find: "    storePartial(out + at, rest, functor.f(f32x4.add(scaled, loadFour(beta + at, rest))));",
    replace: "    storePartial(out + at, rest, functor.f(f32x4.add(scaled, loadFour(beta, rest))));",
    only: "batchNormalization",
  },
  {
    name: "batchNormalization-gradient",
    file: "batchNormalization.ts",
    find: "    v128.store(prepared, f32x4.div(loadFour(sums, width), rows), 48);",
    replace: "    v128.store(prepared, loadFour(sums, width), 48);",
    only: "batchNormalization",
  },
  {
    name: "softmax-tail",
    file: "softmax.ts",
    find: "loadPartial(row, count, f32x4.splat(-Infinity)), maximum));",
    replace: "loadPartial(row, count, maximum), maximum));",
    only: "softmax,logSoftmax",
  },
  {
    name: "softmax-maximum",
    file: "softmax.ts",
    find: "  a = f32x4.pmax(a, v128.shuffle<u32>(a, a, 2, 3, 0, 1));\n",
    replace: "",
    only: "softmax,logSoftmax",
  },
];
