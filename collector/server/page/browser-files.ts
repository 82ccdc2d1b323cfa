import { readdirSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';

const STYLES = ['page.css', 'list.css'];
const SCRIPTS = new URL('../../../src/client/', import.meta.url);

/**
 * Gives the scripts and the styles that pages load, by the names in their URLs. In the repository each script is a source
 * of `src/client` with its types stripped. In the package this module has the texts instead, each script compiled with all
 * that it imports, as the programs of the threads are: `tools/bundle.ts` makes that module.
 */
export function browserFiles(): ReadonlyMap<string, string> {
  const sources = readdirSync(SCRIPTS).filter((file) => file.endsWith('.ts'));
  const scripts = sources.map((file): [string, string] => {
    const script = stripTypeScriptTypes(readFileSync(new URL(file, SCRIPTS), 'utf8'));
    return [file.replace(/ts$/, 'js'), script.replaceAll(/((?:from|import) '\.\/[\w-]+)\.ts'/g, "$1.js'")];
  });
  const styles = STYLES.map((file): [string, string] => [file, readFileSync(new URL(file, import.meta.url), 'utf8')]);
  return new Map([...scripts, ...styles]);
}
