// Are the gradients of convolutions right for every geometry, cut and remainder, and can they be differentiated again?

import { casesOf, geometries } from "../harness/convGeometries.ts";
import { describeOp } from "../harness/describeOp.ts";

describeOp(
  "convInputGradient",
  geometries.map((geometry) => casesOf(geometry).input),
);

describeOp(
  "convKernelGradient",
  geometries.map((geometry) => casesOf(geometry).kernel),
);
