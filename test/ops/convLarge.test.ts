// Are convolutions right that take several parts, packed panels and narrow windows?

import { casesOf, large } from "../harness/convGeometries.ts";
import { describeOp } from "../harness/describeOp.ts";

describeOp(
  "large convolutions",
  large.flatMap((geometry) => {
    const { forward, kernel } = casesOf(geometry);
    return [forward, { ...kernel, title: `${geometry.title}, kernel's gradient` }];
  }),
);
