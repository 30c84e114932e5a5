/** The build puts the file there as hexadecimal digits. */
declare module "*.wasm" {
  const digits: string;
  export default digits;
}

/** A script as text. */
declare module "*.txt" {
  const text: string;
  export default text;
}
