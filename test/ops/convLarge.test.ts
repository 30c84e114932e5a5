// Are convolutions right that take several parts, packed panels and narrow windows?

import { casesOf, large } from "../harness/convGeometries.ts";
import { describeOp } from "../harness/describeOp.ts";

describeOp(
  "large convolutions",
  large.flatMap((geometry) => {
    const { forward, kernel } = casesOf(geometry);
    // The kernel's gradient is shown to be that by the first; convGradients.test.ts differentiates it again.
    return [forward, { ...kernel, title: `${geometry.title}, kernel's gradient`, gradient: false }];
  }),
);
