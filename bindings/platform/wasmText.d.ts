/** The build puts the file there as hexadecimal digits. */
declare module "*.wasm" {
  const digits: string;
  export default digits;
}
