// What do files of models say that they are?

/** The value of `format` in the metadata. */
export const formatName = "wasmgrad";
/** The value of `version` in the metadata: that of the layout of files, not of the package. */
export const formatVersion = "1";
