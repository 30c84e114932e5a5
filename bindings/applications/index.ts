// Which networks does `wasmgrad/applications` offer?

export type { ClassifierOptions, ImageNetwork } from "./classifier.ts";
export { type MobilenetOptions, mobilenet } from "./mobilenet.ts";
export { type MobilenetV2Options, mobilenetV2 } from "./mobilenetV2.ts";
export { type ResnetOptions, resnet } from "./resnet.ts";
export { type UnetOptions, unet } from "./unet.ts";
