/**
 * What the thread that reads long bodies runs: the module beside this one. In the package it is text, as the program of
 * the collector's thread is, and for the same reason. `tools/bundle.ts` makes that module.
 */
export const readerProgram: URL | string = new URL('./reader-main.ts', import.meta.url);
