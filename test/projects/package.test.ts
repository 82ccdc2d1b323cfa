import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { codeBlocks } from '../house/code-blocks.ts';
import { REPOSITORY } from '../house/imports.ts';
import { run, runNode } from '../house/run.ts';
import { npmInstall } from './npm-install.ts';

describe('the package, made and installed in an empty project', () => {
  const tarball = inject('tarball');
  const files = inject('packedFiles');
  const project = join(inject('projects'), 'empty');

  beforeAll(async () => {
    await mkdir(project);
    await install(project, tarball);
  }, 900_000);

  it('holds what is built and read, no source, test or database', () => {
    expect(files.filter((file) => !isPublic(file))).toEqual([]);
    expect(files).toEqual(expect.arrayContaining(EXPECTED));
  });

  it('is clean for publint', async () => {
    await runClean('publint/src/cli.js', ['run', tarball, '--strict']);
  });

  it('has types that each resolution finds, of ES modules and of CommonJS', async () => {
    // A preload waits at its top level, so it is an ES module alone.
    await runClean('@arethetypeswrong/cli/dist/index.js', [tarball, '--exclude-entrypoints', './register']);
  });

  it.each(['runtime/thread-program.js', 'otlp/receive/reader-program.js'])('has the program of a thread as text, which a bundler carries along: %s', async (path) => {
    const file = join(project, 'node_modules/taskspan/dist/collector', path);
    const [program] = Object.values((await import(file)) as Record<string, unknown>);
    expect(program).toBeTypeOf('string');
  });

  it('has what a browser loads as text, the elements for pages without a bundler too', async () => {
    const file = join(project, 'node_modules/taskspan/dist/collector/server/page/browser-files.js');
    const { browserFiles } = (await import(file)) as { browserFiles: () => ReadonlyMap<string, string> };
    const loaded = new Map([...browserFiles()].map(([name, text]) => [name, /^(?:im|ex)port\b.* from ?['"]\./m.test(text)]));
    for (const name of ['element.js', 'list-page.js', 'task-page.js', 'page.css']) expect(loaded.get(name), name).toBe(false);
  });

  it('has a page of a task that takes at most 20 kB compressed, with its style and its script', async () => {
    await writeFile(join(project, 'page.js'), PAGE);
    const { code, stdout, stderr } = await runNode(['page.js'], { cwd: project });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const sizes = JSON.parse(stdout) as Record<'gzip' | 'br', Record<string, number>>;
    for (const parts of Object.values(sizes)) {
      expect(Object.keys(parts).toSorted()).toEqual(['page', 'page.css', 'task-page.js']);
      const all = Object.values(parts).reduce((sum, size) => sum + size, 0);
      expect({ ...sizes, all: all <= 20_000 }).toEqual({ ...sizes, all: true });
    }
  });

  it('has the licences of what was copied into it', async () => {
    const notices = await readFile(join(project, 'node_modules/taskspan/dist/THIRD-PARTY-NOTICES'), 'utf8');
    const names = [...notices.matchAll(/^-{80}\n\n(\S+) \d/gm)].map(([, name]) => name);
    expect(names).toEqual(['@hono/node-server', '@opentelemetry/api', '@opentelemetry/core', 'bintrees', 'hono', 'pbf', 'prom-client', 'tdigest']);
    expect(notices.match(/^Copyright|^ *Apache License|^\(The MIT License\)|^MIT License/gm)?.length).toBeGreaterThanOrEqual(names.length);
  });

  it('has the pages that its README and docs/README.md lead to', async () => {
    const paths: string[] = [];
    for (const page of ['README.md', 'docs/README.md']) {
      const links = (await readFile(join(REPOSITORY, page), 'utf8')).matchAll(/\]\((?!https?:)([^)#]+)/g);
      for (const [, path = ''] of links) paths.push(join(dirname(page), path).replace(/\/$/, ''));
    }
    expect(paths.length).toBeGreaterThan(40);
    expect(paths.filter((path) => !files.some((file) => file === path || file.startsWith(`${path}/`)))).toEqual([]);
  });

  it('compiles in a strict project that checks the types of its libraries too', async () => {
    await writeFile(join(project, 'consumer.ts'), CONSUMER);
    expect(await tsc(project, ['consumer.ts', '--skipLibCheck', 'false'])).toBe('');
  });

  it('compiles with the code of README and docs/task-code.md', async () => {
    await mkdir(join(project, 'readme'));
    const pages = ['README.md', 'docs/task-code.md'].flatMap(codeBlocks).map(({ code }, index) => ({ name: `readme/${index}.ts`, code }));
    for (const { name, code } of pages) await writeFile(join(project, name), code);
    expect(await tsc(project, pages.map(({ name }) => name))).toBe('');
  });

  it('runs a task and serves its record', async () => {
    await writeFile(join(project, 'program.js'), PROGRAM);
    const { code, stdout, stderr } = await runNode(['program.js'], { cwd: project });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      state: 'completed',
      log: '\t - Part\n\tFrom the package\n\t\tSuccessfully completed\n\t\tTime spent: 0h0m\n\tTask Finished - 1 out of 1 jobs finished\n',
      jobs: 1,
    });
  });

  it('records task code that knows nothing of a collector, started by a preload', async () => {
    await writeFile(join(project, 'preloaded.js'), PRELOADED);
    await writeFile(join(project, 'read-log.js'), READ_LOG);
    const env = { TASKSPAN_STORE: join(project, 'preloaded.sqlite') };
    const started = await runNode(['--import', 'taskspan/register', 'preloaded.js'], { cwd: project, env });
    expect(started).toEqual({ code: 0, stdout: '', stderr: '' });
    const { stdout } = await runNode(['read-log.js'], { cwd: project, env });
    expect(stdout).toBe('\tHello\n\tTask Finished\n\n');
  });

  it('brings the command', async () => {
    const { code, stdout } = await run('npm', ['exec', '--offline', '--no-update-notifier', '--', 'taskspan', '--version'], { cwd: project });
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${await versionIn('package.json')}\n` });
  });
});

const EXPECTED = [
  'CHANGELOG.md',
  'LICENSE',
  'README.md',
  'dist/collector/cli/main.js',
  'dist/collector/index.d.ts',
  'dist/collector/index.js',
  'dist/collector/register.d.ts',
  'dist/collector/register.js',
  'dist/collector/otlp/receive/reader-program.js',
  'dist/collector/runtime/thread-program.js',
  'dist/cjs/collector/index.d.ts',
  'dist/cjs/collector/index.js',
  'dist/cjs/package.json',
  'dist/cjs/src/index.d.ts',
  'dist/cjs/src/index.js',
  'dist/THIRD-PARTY-NOTICES',
  'docs/openapi.json',
  'docs/options.md',
  'dist/src/bullmq/index.d.ts',
  'dist/src/bullmq/index.js',
  'dist/cjs/src/client/index.js',
  'dist/src/client/element.js',
  'dist/src/client/index.d.ts',
  'dist/src/client/index.js',
  'dist/src/client/react.js',
  'dist/src/index.d.ts',
  'dist/src/index.js',
  'otel-collector.yaml',
  'package.json',
];

/** Neither sources, tests nor a database: what is built, and what is read. */
function isPublic(file: string): boolean {
  return EXPECTED.includes(file) || PUBLIC.some((pattern) => pattern.test(file));
}

const PUBLIC = [
  /^dist\/(?:(?:cjs\/)?(?:src|collector)|cjs\/chunks)\/[\w/-]+\.(?:js|d\.ts)$/,
  /^docs\/[\w/-]+\.md$/,
  /^docs\/fixtures\/[\w-]+\.json$/,
  /^examples\/[\w/.[\]-]+\.(?:html|json|md|py|svelte|toml|tsx?|vue|yaml)$/,
];

async function install(project: string, tarball: string): Promise<void> {
  const version = await versionIn('node_modules/@opentelemetry/api/package.json');
  await writeFile(join(project, 'package.json'), '{ "name": "project", "private": true, "type": "module" }');
  await npmInstall(project, [tarball, `@opentelemetry/api@${version}`]);
}

async function versionIn(file: string): Promise<string> {
  return (JSON.parse(await readFile(join(REPOSITORY, file), 'utf8')) as { version: string }).version;
}

const CONSUMER = `
import { currentUpdater, notify, runTask, TaskUpdater, track } from 'taskspan';
import type { Scope, ScopeResult, TaskOptions } from 'taskspan';
import { jobUuid, trackJob } from 'taskspan/bullmq';
import type { RunningJob } from 'taskspan/bullmq';
import { watchTask, watchTasks } from 'taskspan/client';
import type { LogEntryJson, TasksWatch, TaskWatch } from 'taskspan/client';
import { createTasksApp, memoryStore, startTaskspan, TaskSpanProcessor } from 'taskspan/collector';
import type { Taskspan, TaskRecord, TaskStore } from 'taskspan/collector';
import type {} from 'taskspan/register';
import { AlwaysOffSampler, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

const options: TaskOptions<true> = { suppressException: true, redact: (text) => text };
const updater = new TaskUpdater({ taskName: 'Types' });
const suppressed: number | undefined = updater.scope('Suppressed', () => 1);
// @ts-expect-error A suppressed error leaves undefined.
const wrong: number = updater.scope('Suppressed', () => 1);
const thrown: number = updater.scope('Thrown', (scope: Scope) => scope.name.length, { suppressException: false });
const awaited: Promise<string> = runTask('Run', async (inner) => inner.scope('Scope', async () => 'text'));
const double: (value: number) => number = track('Double', (_inner, value: number) => 2 * value);
const result: ScopeResult<Promise<number>, true> = updater.scope('Async', async () => 1);
// @ts-expect-error An option that there is not.
new TaskUpdater({ taskName: 'Types', colour: 'blue' });

const processor: (job: RunningJob) => Promise<string> = trackJob((job) => jobUuid(job.queueName, job.id ?? ''));

export const watch: TaskWatch = watchTask('http://127.0.0.1:4320/tasks/1', { log: false, token: async () => undefined, signal: new AbortController().signal });
export const entries: readonly LogEntryJson[] | undefined = watchTask(new URL('http://127.0.0.1'), { log: 'entries' }).getSnapshot().log.parts[0];
export const list: TasksWatch = watchTasks('http://127.0.0.1:4320/tasks', { filter: { state: 'running' }, fetch });

const store: TaskStore = memoryStore();
const provider = new NodeTracerProvider({
  sampler: new AlwaysOffSampler(),
  spanProcessors: [new TaskSpanProcessor({ store })],
});
export async function start(): Promise<TaskRecord> {
  await using taskspan: Taskspan = await startTaskspan({ store, serve: { port: 0 }, sampler: new AlwaysOffSampler() });
  notify('Not recorded');
  const response = await createTasksApp({ store: taskspan.store }).request('/tasks/' + currentUpdater()?.taskUuid);
  return (await response.json()) as TaskRecord;
}
export { awaited, double, options, processor, provider, result, suppressed, thrown, wrong };
`;

async function tsc(project: string, args: readonly string[]): Promise<string> {
  const types = join(REPOSITORY, 'node_modules/@types');
  const options = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--module', 'NodeNext', '--target', 'ES2023'];
  const given = [...options, '--lib', 'ES2024,ESNext.Disposable', '--types', 'node', '--typeRoots', types, ...args];
  const { code, stdout, stderr } = await runNode([join(REPOSITORY, 'node_modules/typescript/bin/tsc'), ...given], { cwd: project });
  return code === 0 ? stdout + stderr : `tsc ended with ${code}:\n${stdout}${stderr}`;
}

/** Prints how many bytes the page of a small task takes, and each style and script that it loads, in each encoding. */
const PAGE = `
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { runTask } from 'taskspan';
import { createTasksApp, startTaskspan } from 'taskspan/collector';
const taskspan = await startTaskspan({ store: 'page.sqlite' });
const uuid = await runTask('Import customers', async (updater) => {
  for (const name of ['Read file', 'Write rows']) await updater.scope(name, (scope) => scope.notify('4,812 customers'));
  return updater.taskUuid;
});
await taskspan.flush();
const app = createTasksApp({ store: taskspan.store });
const read = async (path) => Buffer.from(await (await app.request(path, { headers: { Accept: 'text/html' } })).arrayBuffer());
const page = await read('/tasks/' + uuid);
const parts = { page };
for (const [, name, version] of page.toString().matchAll(/(?:src|href)="assets.([\\w-]+[.](?:js|css))([^"]*)"/g)) parts[name] = await read('/tasks/assets/' + name + version);
const sizes = (encode) => Object.fromEntries(Object.entries(parts).map(([name, bytes]) => [name, encode(bytes).length]));
console.log(JSON.stringify({ gzip: sizes((bytes) => gzipSync(bytes, { level: 9 })), br: sizes(brotliCompressSync) }));
await taskspan.close();
`;

const PROGRAM = `
import { runTask } from 'taskspan';
import { startTaskspan } from 'taskspan/collector';

const taskspan = await startTaskspan({ store: './tasks.sqlite', serve: { port: 0 } });
const uuid = await runTask('Installed', async (updater) => {
  await updater.scope('Part', async (scope) => scope.notify('From the package'));
  return updater.taskUuid;
});
await taskspan.flush();
const response = await fetch(taskspan.url + '/tasks/' + uuid);
const { state, log, jobs } = await response.json();
console.log(JSON.stringify({ state, log, jobs: jobs.total }));
await taskspan.close();
`;

const UUID = '54bf5712-b9ec-11e9-afdd-8c16454a0938';

const PRELOADED = `
import { runTask } from 'taskspan';

runTask('Preloaded', (updater) => updater.notify('Hello'), { taskUuid: '${UUID}' });
`;

const READ_LOG = `
import { sqliteStore } from 'taskspan/collector';

const store = sqliteStore(process.env.TASKSPAN_STORE);
console.log((await store.log('${UUID}')).text);
await store.close();
`;

/** Runs a tool of the repository that is to find nothing wrong. */
async function runClean(script: string, args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await runNode([join(REPOSITORY, 'node_modules', script), ...args], { cwd: REPOSITORY });
  expect(code, stdout + stderr).toBe(0);
}
