// What do files of models say that they are?

export const formatName = "wasmgrad";
export const formatVersion = "1";
