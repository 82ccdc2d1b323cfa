/**
 * Completes what tsc built in `dist`: three modules are replaced by all that they import, one by what browsers load, `dist/cjs` is the library in
 * CommonJS, and `dist/THIRD-PARTY-NOTICES` has the licences of the packages that were copied in.
 * docs/decisions/0028-package.md has the reasons.
 */
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { build } from 'rolldown';
import type { BuildOptions, OutputChunk } from 'rolldown';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | { readonly import: Entry; readonly require?: Entry }>>;
}

interface Entry {
  readonly default: string;
}

/** Entries of the package that a page without a bundler loads from the server, as `assets/element.js`. */
const LOADED_BY_OTHERS = ['element.js', 'index.js'];

const manifest = await manifestIn('.');
/** The folders of the packages that were copied into `dist`. */
const copied = new Set<string>();

await replaceNodeListener();
// The programs of the threads have them too.
await replaceBrowserFiles();
await replaceThreadPrograms();
await addCommonJs();
await writeFile('dist/THIRD-PARTY-NOTICES', await notices());

/** The adapter between Hono and `node:http`. As a package it would restrict which Hono the application may use. */
async function replaceNodeListener(): Promise<void> {
  const file = 'dist/collector/server/node-listener.js';
  const { code } = await oneFile(file, { format: 'es' });
  await writeFile(file, code);
}

/** The scripts of the pages, each with all that it imports, and their styles, as texts in the module that gives them. */
async function replaceBrowserFiles(): Promise<void> {
  const pages = (await readdir('dist/src/client')).filter((file) => file.endsWith('-page.js'));
  const scripts = await Promise.all(
    [...pages, ...LOADED_BY_OTHERS].map(async (file): Promise<[string, string]> => {
      const { code } = await oneFile(`dist/src/client/${file}`, { format: 'es', minify: true });
      return [file, code.trim()];
    }),
  );
  const styles = await Promise.all(
    ['page.css', 'list.css'].map(async (file): Promise<[string, string]> => [file, shortStyle(await readFile(`collector/server/page/${file}`, 'utf8'))]),
  );
  const files = [...scripts, ...styles];
  await writeFile('dist/collector/server/page/browser-files.js', `export const browserFiles = () => new Map(${JSON.stringify(files)});\n`);
  await Promise.all(pages.flatMap((file) => [rm(`dist/src/client/${file}`), rm(`dist/src/client/${file.replace(/js$/, 'd.ts')}`)]));
}

/** A style without comments and white space. */
function shortStyle(css: string): string {
  return css.replaceAll(/\/\*[^]*?\*\//g, '').replaceAll(/\s+/g, ' ').replaceAll(/ ?([{};,>]) ?/g, '$1').replaceAll(/: /g, ':').replaceAll(';}', '}').trim();
}

/** The programs of threads, as text in modules: bundlers carry text, but no file beside a module. */
async function replaceThreadPrograms(): Promise<void> {
  // The collector's has the receiver, and with it the text of the reader's.
  await replaceProgram('dist/collector/otlp/receive/reader', 'readerProgram');
  await replaceProgram('dist/collector/runtime/thread', 'threadProgram');
}

/** Puts the module `…-main`, with all that it imports, as text into the module `…-program`. */
async function replaceProgram(path: string, name: string): Promise<void> {
  const main = `${path}-main`;
  // Names stay whole, so that stack traces can be read.
  const output = { format: 'cjs', minify: { compress: true, mangle: false, codegen: true } } as const;
  // The global timers of Deno before 2.9 are a browser's in a program that is text.
  const timers = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate'];
  const inject = Object.fromEntries(timers.map((timer): [string, [string, string]] => [timer, ['node:timers', timer]]));
  const { code } = await oneFile(`${main}.js`, output, { transform: { inject } });
  await writeFile(`${path}-program.js`, `export const ${name} = ${JSON.stringify(code)};\n`);
  await Promise.all([rm(`${main}.js`), rm(`${main}.d.ts`)]);
}

/** For what can't load ES modules: Jest with its default settings, and TypeScript in a CommonJS project. */
async function addCommonJs(): Promise<void> {
  // Jest could not load it: it is an ES module alone.
  const inlined = ['pbf'];
  const external = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }).filter((name) => !inlined.includes(name));
  const input = Object.values(manifest.exports).flatMap((entry): [string, string][] => {
    if (typeof entry === 'string' || entry.require === undefined) return [];
    return [[/^\.\/dist\/cjs\/(.*)\.js$/.exec(entry.require.default)?.[1] ?? '', entry.import.default]];
  });
  await bundled({
    input: Object.fromEntries(input),
    external: external.map((name) => new RegExp(`^${name}(?:/|$)`)),
    output: { format: 'cjs', dir: 'dist/cjs', chunkFileNames: 'chunks/[name].js' },
    write: true,
  });
  // The same declarations: the package.json beside them marks them as those of CommonJS modules.
  for (const folder of ['src', 'collector']) {
    await cp(`dist/${folder}`, `dist/cjs/${folder}`, { recursive: true, filter: (path) => !path.endsWith('.js') });
  }
  await writeFile('dist/cjs/package.json', '{ "type": "commonjs" }\n');
}

/** The file with all that it imports, which needs no package when it runs. */
async function oneFile(input: string, output: BuildOptions['output'], options: BuildOptions = {}): Promise<OutputChunk> {
  const [chunk] = await bundled({ input, output: { ...output, codeSplitting: false }, ...options, write: false });
  if (chunk === undefined) throw new Error(`${input}: nothing was built`);
  const outside = [...chunk.imports, ...chunk.dynamicImports].filter((name) => name !== chunk.fileName && !isBuiltin(name));
  if (outside.length > 0) throw new Error(`${input} would import ${outside.join(', ')} when it runs`);
  return chunk;
}

async function bundled(options: BuildOptions): Promise<OutputChunk[]> {
  const { output } = await build({
    ...options,
    platform: 'node',
    resolve: { mainFields: ['module', 'main'] },
    onLog(level, log, handle) {
      if (log.code === 'UNRESOLVED_IMPORT') throw new Error(log.message);
      // A module may be loaded lazily by one entry and at once by another.
      if (log.code !== 'INEFFECTIVE_DYNAMIC_IMPORT') handle(level, log);
    },
  });
  const chunks = output.filter((file) => file.type === 'chunk');
  for (const id of chunks.flatMap(({ moduleIds }) => moduleIds)) {
    const folder = /^.*[/\\]node_modules[/\\](?:@[^/\\]+[/\\])?[^/\\]+/.exec(id)?.[0];
    if (folder !== undefined) copied.add(folder);
  }
  return chunks;
}

async function notices(): Promise<string> {
  const parts = await Promise.all([...copied].toSorted().map(notice));
  return ['Other packages that are copied into files of this package, with their licences.', ...parts].join(`\n\n${'-'.repeat(80)}\n\n`);
}

async function notice(folder: string): Promise<string> {
  const { name, version, license } = await manifestIn(folder);
  const files = (await readdir(folder)).filter((file) => /^(?:licen[cs]e|notice|copying)/i.test(file)).toSorted();
  if (license === undefined && files.length === 0) throw new Error(`${name} has no licence`);
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return [`${name} ${version}, ${license ?? 'see below'}`, ...texts.map((text) => text.trim())].join('\n\n');
}

async function manifestIn(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;
}
