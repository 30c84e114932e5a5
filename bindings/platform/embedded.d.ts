/** The build puts the file there as text: see bytesOf in wasm.ts. */
declare module "*.wasm" {
  const text: string;
  export default text;
}

/** A script as text. */
declare module "*.txt" {
  const text: string;
  export default text;
}
