// What is done with each cell of a window in turn?
//
// Four channels at a time: `result` is folded from cell to cell, `state` is what must be followed beside it, and both give
// the value of the window in the end. `cell` is the place of a cell in the window, `count` how many are real.

// f32x4.max, which NaN wins as well, takes nine instructions on x86; pmax takes one, and passes over NaN. So NaN is looked
// for beside it.
@unmanaged
export class Maximum {
  initial(): f32 {
    return -Infinity;
  }
  initialState(first: i32): i32 {
    return 0;
  }
  fold(result: v128, value: v128): v128 {
    return f32x4.pmax(result, value);
  }
  follow(state: v128, result: v128, value: v128, cell: i32): v128 {
    return v128.or(state, f32x4.ne(value, value));
  }
  finish(result: v128, state: v128, count: v128): v128 {
    return v128.or(result, state);
  }
  findsPlaces(): bool {
    return false;
  }
}

@unmanaged
export class Average {
  initial(): f32 {
    return 0;
  }
  initialState(first: i32): i32 {
    return 0;
  }
  fold(result: v128, value: v128): v128 {
    return f32x4.add(result, value);
  }
  follow(state: v128, result: v128, value: v128, cell: i32): v128 {
    return state;
  }
  finish(result: v128, state: v128, count: v128): v128 {
    return f32x4.div(result, count);
  }
  findsPlaces(): bool {
    return false;
  }
}

/** The maximum, and its place: `state` is that of the first NaN, or else of the first cell that is as large as `result`. */
@unmanaged
export class Winner {
  initial(): f32 {
    return -Infinity;
  }
  /** Of a window that holds nothing larger than −∞ the first cell wins. */
  initialState(first: i32): i32 {
    return first;
  }
  fold(result: v128, value: v128): v128 {
    return v128.bitselect(value, result, wins(result, value));
  }
  follow(state: v128, result: v128, value: v128, cell: i32): v128 {
    return v128.bitselect(i32x4.splat(cell), state, wins(result, value));
  }
  finish(result: v128, state: v128, count: v128): v128 {
    return result;
  }
  findsPlaces(): bool {
    return true;
  }
}

/** Where `value` takes the place of `result`: larger, or the first NaN. */
function wins(result: v128, value: v128): v128 {
  return v128.andnot(f32x4.eq(result, result), f32x4.le(value, result));
}
