// How does a model look as a table?

import { checkOptionNames } from "../config.ts";
import { check, formatBytes, show } from "../errors.ts";
import type { BatchShape } from "../layers/placeholder.ts";
import type { Variable } from "../variable.ts";
import type { Topology } from "./topology.ts";

/** Where the table goes. */
export interface SummaryOptions {
  /** Takes the text. Default `console.log`. */
  readonly print?: (text: string) => void;
}

/** @throws {TensorError} `option` or `name` unless `options` are such. */
export function checkSummaryOptions(where: string, options: SummaryOptions): void {
  checkOptionNames(where, options, ["print"]);
  check(options.print === undefined || typeof options.print === "function", "option", () => ({
    where: `${where}.print`,
    expected: "a function that takes the text",
    received: show(options.print),
  }));
}

interface Row {
  readonly layer: string;
  readonly shape: string;
  readonly parameters: string;
  readonly connected: string;
}

/**
 * The table of layers that Keras prints: name and class, output shape, number of parameters, and for models that are
 * not a plain chain what each layer is connected to; then the totals.
 */
export function summaryText(
  name: string,
  topology: Topology,
  sequential: boolean,
  optimizerParameters: number,
): string {
  const rows = topology.steps
    .filter((step) => !(sequential && step.call.layer.className === "InputLayer"))
    .map((step): Row => {
      const { layer, inputs } = step.call;
      return {
        layer: `${layer.name} (${layer.className})`,
        shape: shapeText(step.shape),
        parameters: countOf(layer.weights).toLocaleString("en-US"),
        connected: inputs.map((input) => input.call.layer.name).join(", ") || "-",
      };
    });
  const columns: [string, (row: Row) => string, boolean][] = [
    ["Layer (type)", (row) => row.layer, false],
    ["Output Shape", (row) => row.shape, false],
    ["Param #", (row) => row.parameters, true],
    ...(sequential
      ? []
      : [["Connected to", (row: Row) => row.connected, false] as [string, (row: Row) => string, boolean]]),
  ];
  return [`Model: "${name}"`, ...table(columns, rows), ...totals(topology, optimizerParameters)].join("\n");
}

function table(columns: readonly [string, (row: Row) => string, boolean][], rows: readonly Row[]): string[] {
  const widths = columns.map(([title, cell]) => Math.max(title.length, ...rows.map((row) => cell(row).length)) + 2);
  const rule = (left: string, middle: string, right: string, dash: string): string =>
    left + widths.map((width) => dash.repeat(width)).join(middle) + right;
  const line = (cells: readonly string[], edge: string, right: readonly boolean[]): string =>
    edge +
    cells
      .map(
        (cell, index) =>
          ` ${right[index] ? cell.padStart((widths[index] as number) - 2) : cell.padEnd((widths[index] as number) - 2)} `,
      )
      .join(edge) +
    edge;
  const alignment = columns.map(([, , right]) => right);
  const body = rows.flatMap((row, index) => [
    ...(index === 0 ? [] : [rule("├", "┼", "┤", "─")]),
    line(
      columns.map(([, cell]) => cell(row)),
      "│",
      alignment,
    ),
  ]);
  const titles = line(
    columns.map(([title]) => title),
    "┃",
    alignment,
  );
  return [rule("┏", "┳", "┓", "━"), titles, rule("┡", "╇", "┩", "━"), ...body, rule("└", "┴", "┘", "─")];
}

function totals(topology: Topology, optimizerParameters: number): string[] {
  const trainable = countOf(topology.trainableWeights);
  const all = countOf(topology.weights);
  const line = (title: string, count: number): string =>
    ` ${title}: ${count.toLocaleString("en-US")} (${formatBytes(count * 4)})`;
  return [
    line("Total params", all + optimizerParameters),
    line("Trainable params", trainable),
    line("Non-trainable params", all - trainable),
    ...(optimizerParameters === 0 ? [] : [line("Optimizer params", optimizerParameters)]),
  ];
}

function countOf(weights: readonly Variable[]): number {
  return weights.reduce((count, weight) => count + weight.size, 0);
}

function shapeText(shape: BatchShape): string {
  return `(${shape.map((size) => size ?? "None").join(", ")}${shape.length === 1 ? "," : ""})`;
}
