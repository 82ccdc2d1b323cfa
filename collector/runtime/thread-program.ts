/**
 * What the collector's thread runs. In the repository it is the module beside this one. In the package it is the code
 * of that module, as text, with everything that it imports: a bundler carries text into the application's file, but
 * not a file that stands beside a module. `tools/bundle.ts` makes that module.
 */
export const threadProgram: URL | string = new URL('./thread-main.ts', import.meta.url);
