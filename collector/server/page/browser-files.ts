import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';

/** Scripts and style that the pages load, by the names in their URLs. */
export type BrowserFiles = ReadonlyMap<string, string>;

/** The scripts of the pages, and the modules that they import. */
const MODULES = ['task-page', 'steps', 'words'] as const;

/**
 * Reads them. In the repository each script is a source of `src/client` with its types stripped. In the package this
 * module has the texts instead, compiled and with all that they import, as the programs of the threads are:
 * `tools/bundle.ts` makes that module.
 */
export function browserFiles(): BrowserFiles {
  const scripts = MODULES.map((name): [string, string] => {
    const source = readFileSync(new URL(`../../../src/client/${name}.ts`, import.meta.url), 'utf8');
    return [`${name}.js`, stripTypeScriptTypes(source).replaceAll(/(from '\.\/[\w-]+)\.ts'/g, "$1.js'")];
  });
  return new Map([...scripts, ['page.css', readFileSync(new URL('page.css', import.meta.url), 'utf8')]]);
}
