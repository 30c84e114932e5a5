/** The folder of the built library: scripts/testLibrary.mjs. */
export function testLibrary(): Promise<string>;
