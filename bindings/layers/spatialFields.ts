// How are the options of layers over images, sequences and volumes checked: sizes for each axis, margins, the place of
// the channels?

import { show, TensorError } from "../errors.ts";
import { choice, type Field } from "./field.ts";

/** Where the channels of [batch, ...spatial, channels] or [batch, channels, ...spatial] are. */
export type DataFormat = "channelsLast" | "channelsFirst";

/** Cells before and behind one axis. */
export type Margin = readonly [before: number, after: number];

function reject(where: string, expected: string, value: unknown): never {
  throw new TensorError("option", { where, expected, received: show(value) });
}

const isInteger = (value: unknown, low: number): value is number => Number.isInteger(value) && (value as number) >= low;

/** `"channelsLast"`, the default and the native one, or `"channelsFirst"`. */
/* @__NO_SIDE_EFFECTS__ */
export function dataFormat(): Field<DataFormat> {
  const rule = choice(["channelsLast", "channelsFirst"], "channelsLast");
  return { parse: (value, where) => rule.parse(value ?? undefined, where), write: rule.write };
}

/** `"valid"`, the default: no margins; `"same"`: as many results as the input has cells, divided by the stride. */
/* @__NO_SIDE_EFFECTS__ */
export function padding(): Field<"valid" | "same"> {
  return choice(["valid", "same"], "valid");
}

/** A whole number ≥ `low` for each of the spatial `axes`; one number stands for all. Must be given without `initial`. */
/* @__NO_SIDE_EFFECTS__ */
export function sizePerAxis(axes: number, initial?: number, low = 1): Field<readonly number[]> {
  return {
    parse: (value, where) => {
      const given: unknown = value === undefined ? initial : value;
      const list: unknown[] = Array.isArray(given) ? given : new Array(axes).fill(given);
      if (list.length === axes && list.every((each) => isInteger(each, low))) return list as number[];
      return reject(where, `an integer ≥ ${low}${axes === 1 ? "" : `, or ${axes} of them`}`, value);
    },
    write: (value) => [...value],
  };
}

/** {@link sizePerAxis}, or null for what the layer takes by itself. */
/* @__NO_SIDE_EFFECTS__ */
export function optionalSizePerAxis(axes: number, low = 1): Field<readonly number[] | null> {
  const rule = sizePerAxis(axes, undefined, low);
  return {
    parse: (value, where) => (value === undefined || value === null ? null : rule.parse(value, where)),
    write: (value) => (value === null ? null : [...value]),
  };
}

/**
 * Cells before and behind each of the spatial `axes`, counts ≥ 0: one number for all sides, one for both sides of each
 * axis, or a pair for each axis. With one axis a list of two is its pair.
 */
/* @__NO_SIDE_EFFECTS__ */
export function marginPerAxis(axes: number, initial: number): Field<readonly Margin[]> {
  const pair = (value: unknown): Margin | undefined => {
    if (isInteger(value, 0)) return [value, value];
    const [before, after, ...rest]: readonly unknown[] = Array.isArray(value) ? value : [];
    return isInteger(before, 0) && isInteger(after, 0) && rest.length === 0 ? [before, after] : undefined;
  };
  return {
    parse: (value, where) => {
      const given: unknown = value === undefined ? initial : value;
      const whole: unknown = axes === 1 && Array.isArray(given) && given.length === 2 ? [given] : given;
      const pairs = (Array.isArray(whole) ? whole : new Array(axes).fill(whole)).map(pair);
      if (pairs.length === axes && pairs.every((each) => each !== undefined)) return pairs as Margin[];
      const forms = axes === 1 ? "or [before, after]" : `${axes} of them, or ${axes} pairs [before, after]`;
      return reject(where, `an integer ≥ 0, ${forms}`, value);
    },
    write: (value) => (axes === 1 ? [...(value[0] as Margin)] : value.map((each) => [...each])),
  };
}
