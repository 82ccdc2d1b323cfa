import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's folder. */
export const REPOSITORY: string = fileURLToPath(new URL('../../', import.meta.url));

/** One `import`, `export … from` or `import()` of a source file. */
export interface Import {
  /** The importing file, from the repository's folder, with `/`. */
  readonly from: string;
  /** The imported file, likewise, or a package or module of Node.js by its name. */
  readonly to: string;
  /** Whether only types are imported, so that nothing of it is left at run time. */
  readonly typeOnly: boolean;
}

/** All imports of the TypeScript files in these folders of the repository. */
export function importsOf(...folders: readonly string[]): Import[] {
  return folders.flatMap(filesIn).flatMap((file) => importsIn(file, readFileSync(join(REPOSITORY, file), 'utf8')));
}

/** The TypeScript files in a folder of the repository, at any depth. */
export function filesIn(folder: string): string[] {
  return readdirSync(join(REPOSITORY, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name).slice(REPOSITORY.length).replaceAll('\\', '/'))
    .toSorted();
}

/** The imports in a file's text. An `export` without `from` and what stands in doc comments is none. */
export function importsIn(file: string, source: string): Import[] {
  const text = source.replaceAll(DOC_COMMENT, '');
  const statements = [...text.matchAll(STATEMENT)].map(([, type, to = '']) => ({ to, typeOnly: type !== undefined }));
  const calls = [...text.matchAll(CALL)].map(([, to = '']) => ({ to, typeOnly: false }));
  return [...statements, ...calls].map(({ to, typeOnly }) => ({
    from: file,
    to: to.startsWith('.') ? posix.join(posix.dirname(file), to) : to,
    typeOnly,
  }));
}

/** Each group of files that import each other in a circle, at whatever distance. */
export function cyclesOf(imports: readonly Import[]): string[][] {
  const targets = new Map<string, string[]>();
  for (const { from, to } of imports) targets.set(from, [...(targets.get(from) ?? []), to]);
  const reach = new Map([...targets.keys()].map((file) => [file, reachedFrom(file, targets)]));
  const circle = (file: string): string[] =>
    [...(reach.get(file) ?? [])].filter((other) => reach.get(other)?.has(file) === true).toSorted();
  const circles = [...reach.keys()].map(circle).filter((files) => files.length > 0);
  return [...new Set(circles.map((files) => files.join(' ')))].map((files) => files.split(' '));
}

/** All files that importing this one leads to. */
function reachedFrom(file: string, targets: ReadonlyMap<string, readonly string[]>): Set<string> {
  const reached = new Set<string>();
  const waiting = [file];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const to of targets.get(next) ?? []) {
      if (reached.has(to)) continue;
      reached.add(to);
      waiting.push(to);
    }
  }
  return reached;
}

// Only where it begins a line: elsewhere it may stand in a string, such as `*/*`.
const DOC_COMMENT = /^[ \t]*\/\*[^]*?\*\//gm;
const STATEMENT = /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm;
const CALL = /\bimport\(\s*'([^']+)'\s*\)/g;
