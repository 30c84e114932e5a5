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
  initialState(): i32 {
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
  initialState(): i32 {
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

/** `result` is the maximum from the beginning, `state` the least place of a cell that is equal to it or NaN. */
@unmanaged
export class Winner {
  initial(): f32 {
    return 0;
  }
  initialState(): i32 {
    return -1;
  }
  fold(result: v128, value: v128): v128 {
    return result;
  }
  follow(state: v128, result: v128, value: v128, cell: i32): v128 {
    return i32x4.min_u(state, v128.or(i32x4.splat(cell), v128.and(f32x4.ne(value, result), f32x4.eq(value, value))));
  }
  finish(result: v128, state: v128, count: v128): v128 {
    return state;
  }
  findsPlaces(): bool {
    return true;
  }
}
