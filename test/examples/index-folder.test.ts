import { execFileSync } from 'node:child_process';
import { link, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { context, propagation, trace } from '@opentelemetry/api';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { recordJson } from '../../collector/record/record-json.ts';
import type { TaskRecord } from '../../src/task-record.ts';
import { TaskSpanProcessor } from '../../collector/runtime/task-span-processor.ts';
import { memoryStore } from '../../collector/store/sqlite/sqlite-store.ts';
import { findFiles, indexFolder, readFiles } from '../../examples/demo/index-folder.ts';
import { runTask } from '../../src/index.ts';
import type { TaskUpdater } from '../../src/index.ts';
import { flushed } from '../src/support/recorded.ts';
import { temporaryFolder } from '../support/node-process.ts';

const store = memoryStore();
const provider = new NodeTracerProvider({ spanProcessors: [new TaskSpanProcessor({ store })] });

beforeAll(() => provider.register());
afterAll(async () => {
  trace.disable();
  context.disable();
  propagation.disable();
  await provider.shutdown();
});

describe('the index of a folder', () => {
  it('has bytes and lines by kind, the largest files and those that it has twice', async () => {
    const folder = await folderOf({
      'README': 'no extension\n',
      'src/a.ts': 'one\ntwo\n',
      'src/deep/er/A.TS': 'one\ntwo\n',
      'src/same-size.ts': 'ONE\nTWO\n',
      'img/logo.png': `\0${'x'.repeat(2000)}`,
      'img/copy of logo.png': `\0${'x'.repeat(2000)}`,
      'img/third.png': `\0${'x'.repeat(2000)}`,
      'empty': '',
      'empty too': '',
    });
    const { index, record } = await indexOf(folder);
    expect(index).toEqual({
      folder,
      files: 9,
      folders: 5,
      bytes: 13 + 3 * 8 + 3 * 2001,
      lines: 1 + 3 * 2,
      unreadable: 0,
      largest: [
        { path: join('img', 'copy of logo.png'), bytes: 2001 },
        { path: join('img', 'logo.png'), bytes: 2001 },
        { path: join('img', 'third.png'), bytes: 2001 },
        { path: 'README', bytes: 13 },
        { path: join('src', 'a.ts'), bytes: 8 },
        { path: join('src', 'deep', 'er', 'A.TS'), bytes: 8 },
        { path: join('src', 'same-size.ts'), bytes: 8 },
        { path: 'empty', bytes: 0 },
        { path: 'empty too', bytes: 0 },
      ],
      kinds: [
        { kind: '.png', files: 3, bytes: 6003, lines: 0 },
        { kind: '.ts', files: 3, bytes: 24, lines: 6 },
        { kind: '', files: 3, bytes: 13, lines: 1 },
      ],
      duplicates: [
        { bytes: 2001, wasted: 4002, paths: [join('img', 'copy of logo.png'), join('img', 'logo.png'), join('img', 'third.png')] },
        { bytes: 8, wasted: 8, paths: [join('src', 'a.ts'), join('src', 'deep', 'er', 'A.TS')] },
      ],
      wasted: 4010,
    });
    expect(record).toMatchObject({ state: 'completed', progress: 1, exception: '', result: index });
    expect(record.jobs).toEqual({ total: 6, finished: 6, failed: 0, running: 0 });
    expect(record.log).toContain('\t9 files in 5 folders, 5.9 KiB\n');
    expect(record.log).toContain('\t3.9 KiB could be saved:\n\t  | 3.9 KiB  img/copy of logo.png = img/logo.png and 1 more\n');
    expect(record.log).toContain('\tIn all 9 files, 5.9 KiB, 7 lines\n');
  });

  it('of an empty folder is empty', async () => {
    const { index, record } = await indexOf(await temporaryFolder());
    expect(index).toMatchObject({ files: 0, folders: 1, bytes: 0, largest: [], kinds: [], duplicates: [] });
    expect(record).toMatchObject({ state: 'completed', progress: 1 });
  });

  it('leaves out the given names, follows no link and waits for no pipe', async () => {
    const folder = await folderOf({ 'a.txt': 'a\n', '.git/b.txt': 'b\n', 'deep/node_modules/c.txt': 'c\n' });
    await symlink(folder, join(folder, 'deep', 'loop'));
    await symlink(join(folder, 'a.txt'), join(folder, 'link.txt'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const { index, record } = await indexOf(folder);
    expect(index).toMatchObject({ files: 1, folders: 2, unreadable: 0 });
    expect(record.log).toContain('\tLeft out: .git, links (2), special files, node_modules\n');

    const { index: all } = await indexOf(folder, { leaveOut: ['a.txt'] });
    expect(all).toMatchObject({ files: 2, folders: 4 });
  });

  it('counts no saving for two names of one file', async () => {
    const folder = await folderOf({ 'a.txt': 'content\n', 'copy.txt': 'content\n' });
    await link(join(folder, 'a.txt'), join(folder, 'b.txt'));
    const { index } = await indexOf(folder);
    expect(index).toMatchObject({ files: 3, wasted: 8, duplicates: [{ paths: ['a.txt', 'copy.txt'] }] });
  });

  it('puts small folders together where there are many', async () => {
    const files = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`${at}/file`, 'x'.repeat(at)]));
    const { index, record } = await indexOf(await folderOf(files));
    expect(index).toMatchObject({ files: 30, folders: 31 });
    expect(record).toMatchObject({ progress: 1, jobs: { total: 3 + 16 } });
    expect(record.log).toContain('\t - Read 15 smaller folders');
  });

  it('goes on after a file that has vanished: a failed job has its error', async () => {
    const folder = await folderOf({ 'docs/a.txt': 'a\n', 'docs/gone.txt': 'gone\n', 'z.txt': 'z\n' });
    const { value, record } = await recordOf(async (updater) => {
      updater.plan(['Find files', 'Read files']);
      const found = await updater.scope('Find files', (scope) => findFiles(scope, folder));
      await rm(join(folder, 'docs', 'gone.txt'));
      return updater.scope('Read files', (scope) => readFiles(scope, found));
    });
    expect(value).toMatchObject({ unreadable: 1, totals: { files: 2 } });
    expect(record).toMatchObject({ state: 'completed', progress: 1, jobs: { total: 3, finished: 2, failed: 1, running: 0 } });
    expect(record.log).toContain(`\t - Read ${join('docs', 'gone.txt')}\n\t\tFailed\n`);
    expect(record.log).toContain(`Error: ENOENT: no such file or directory, open '${join(folder, 'docs', 'gone.txt')}'\n`);
  });

  it('goes on after a folder that can not be read', async () => {
    const folder = await folderOf({ 'a.txt': 'a\n' });
    tooDeepFolder(folder);
    const { index, record } = await indexOf(folder);
    expect(index).toMatchObject({ files: 1, unreadable: 1 });
    expect(record).toMatchObject({ state: 'completed', progress: 1, jobs: { failed: 1 } });
    expect(record.log).toContain('Error: ENAMETOOLONG: name too long');
    expect(record.log).toContain('\t1 could not be read\n');
  });

  it('fails where the folder itself can not be read', async () => {
    const folder = join(await temporaryFolder(), 'missing');
    const { error, record } = await recordOf((updater) => indexFolder(updater, folder));
    expect(error).toMatchObject({ code: 'ENOENT' });
    expect(record).toMatchObject({ state: 'failed', status: 0 });
  });

  it('ends with the reason of its signal', async () => {
    const folder = await folderOf({ 'a.txt': 'a\n' });
    const reason = new Error('stopped by SIGTERM');
    const { error, record } = await recordOf((updater) => indexFolder(updater, folder, { signal: AbortSignal.abort(reason) }));
    expect(error).toBe(reason);
    expect(record).toMatchObject({ state: 'failed', exception: 'stopped by SIGTERM', jobs: { running: 0 } });
  });
});

/** A folder of the test's own with these files. */
async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(folder, dirname(path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return folder;
}

/**
 * Folders in one another until the innermost one's path is longer than the system takes. Not
 * even root can read that one.
 */
function tooDeepFolder(folder: string): void {
  const name = 'd'.repeat(250);
  // By steps from inside, which no limit on paths stops.
  onTestFinished(() => void execFileSync('rm', ['-rf', name], { cwd: folder }));
  const nest = `for (let depth = 0; depth < 20; depth++) { fs.mkdirSync('${name}'); process.chdir('${name}'); }`;
  execFileSync(process.execPath, ['-e', nest], { cwd: folder });
}

async function indexOf(folder: string, options?: Parameters<typeof indexFolder>[2]) {
  const { value, record } = await recordOf((updater) => indexFolder(updater, folder, options));
  return { index: value, record };
}

/** Runs a job as a task and gives what became of it, with the record that the store has then. */
async function recordOf<T>(job: (updater: TaskUpdater<false>) => Promise<T>) {
  let uuid = '';
  const [settled] = await Promise.allSettled([
    runTask('Index', (updater) => {
      uuid = updater.taskUuid;
      return job(updater);
    }),
  ]);
  await flushed(provider);
  const [task, log] = [await store.stored(uuid), await store.log(uuid)];
  if (task === undefined || log === undefined) throw new Error(`the store does not know ${uuid}`);
  return {
    value: settled.status === 'fulfilled' ? settled.value : undefined,
    error: settled.status === 'rejected' ? (settled.reason as unknown) : undefined,
    record: JSON.parse(recordJson(task, log)) as TaskRecord,
  };
}
