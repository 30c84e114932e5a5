// Are the gradients of convolutions right for every geometry, cut and remainder, and can they be differentiated again?

import { casesOf, geometries } from "../harness/convGeometries.ts";
import { describeOp, type OpCase } from "../harness/describeOp.ts";

/**
 * All of one direction. That a gradient is the gradient of the convolution, conv.test.ts checks for each geometry; that it can be
 * differentiated in its turn, some of them show here.
 */
const every = (direction: "input" | "kernel"): OpCase[] =>
  geometries.map((geometry, index) => ({ ...casesOf(geometry)[direction], gradient: index % 5 === 3 }));

describeOp("convInputGradient", every("input"));
describeOp("convKernelGradient", every("kernel"));
