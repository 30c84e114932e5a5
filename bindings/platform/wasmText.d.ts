/** The build puts the file there as text: see bytesOf in wasm.ts. */
declare module "*.wasm" {
  const text: string;
  export default text;
}
