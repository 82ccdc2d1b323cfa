import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import type { TaskRecord } from '../../../collector/index.ts';
import { temporaryFolder } from '../../support/node-process.ts';
import { lockStore, recordsOf, startScript, stepsIn, storeIn } from './script.ts';

/** A task that reports so many steps, waits for a command to go on, and reports as many again. */
function twoHalves(steps: number): string {
  return `
    import { existsSync } from 'node:fs';
    const taskspan = await startTaskspan({ store: process.env.STORE ?? 'taskspan.sqlite' });
    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const updater = new TaskUpdater({ taskName: 'work' });
    const report = async (from) => {
      for (let step = from; step < from + ${steps}; step++) {
        updater.notify('step ' + step);
        if (step % 100 === 0) await pause(1);
      }
    };
    await report(0);
    for (let n = 0; n < Number(process.env.FIRST_FLUSHES ?? 5); n++) await taskspan.flush();
    console.log('half');
    while (!existsSync('go on')) await pause(10);
    await report(${steps});
    updater.complete();
    console.log('ended');
    while (!existsSync('close')) await pause(10);
    for (let n = 0; n < Number(process.env.FLUSHES ?? 5); n++) await taskspan.flush();
    await taskspan.close();`;
}

const goOn = (folder: string): void => writeFileSync(join(folder, 'go on'), '');
const letClose = (folder: string): void => writeFileSync(join(folder, 'close'), '');

async function work(folder: string): Promise<TaskRecord> {
  return (await recordsOf(storeIn(folder))).get('work')!;
}

test('a store that is locked while a task goes on to its end gets all of it afterwards, in order', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(folder, twoHalves(3000));
  await script.printed(/half/);
  const lock = lockStore(folder);
  goOn(folder);
  await script.printed(/ended/);
  lock.close();
  letClose(folder);
  expect(await script.ended).toMatchObject({ code: 0 });
  const record = await work(folder);
  expect(stepsIn(record.log)).toBe(6000);
  expect(record).toMatchObject({ state: 'completed', facts_missing: 0 });
});

test.for([
  ['process.exit()', 'process.exit(3)', { code: 3, signal: null }],
  ['close()', 'await taskspan.close()', { code: 0, signal: null }],
  ['a signal that is handled', "process.kill(process.pid, 'SIGTERM'); setInterval(() => undefined, 1000)", { code: null, signal: 'SIGTERM' }],
] as const)('a process that ends by %s while its store is locked waits no longer than it may, and reports what is lost', { timeout: 60_000 }, async ([, end, ended]) => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `import { existsSync } from 'node:fs';
     const taskspan = await startTaskspan({ handleSignals: true });
     console.log('started');
     while (!existsSync('go on')) await new Promise((resolve) => setTimeout(resolve, 10));
     await runTask('work', async (updater) => updater.notify('said'));
     ${end};`,
  );
  await script.printed(/started/);
  const lock = lockStore(folder);
  goOn(folder);
  const { stderr, ...rest } = await script.ended;
  lock.close();
  expect(rest).toMatchObject(ended);
  expect(stderr.match(/^taskspan: 3 facts could not be committed before the end and are lost$/gm)).toHaveLength(1);
});

/** A file system of one megabyte; skips the test where none can be had. */
function smallDisk(folder: string, skip: () => never): string {
  const disk = join(folder, 'disk');
  try {
    execFileSync('mkdir', [disk]);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk], { stdio: 'ignore' });
  } catch {
    skip();
  }
  onTestFinished(() => void execFileSync('umount', ['--lazy', disk]));
  return disk;
}

test('a full disk costs nothing but time: what was reported meanwhile is there when there is room again', async (context) => {
  const folder = await temporaryFolder();
  const disk = smallDisk(folder, () => context.skip());
  const script = await startScript(folder, twoHalves(2000), { env: { STORE: join(disk, 'taskspan.sqlite') } });
  await script.printed(/half/);
  const ballast = join(disk, 'ballast');
  try {
    writeFileSync(ballast, Buffer.alloc(1024 * 1024));
  } catch {
    // As much of it as there was room for.
  }
  expect(statSync(ballast).size).toBeGreaterThan(0);
  goOn(folder);
  await script.printed(/ended/);
  await script.printedError(/could not be committed, trying again: database or disk is full/);
  execFileSync('mount', ['-o', 'remount,size=8m', disk]);
  letClose(folder);
  const { code, stderr } = await script.ended;
  expect(code).toBe(0);
  expect(stderr).toContain('facts are being committed again');
  const record = (await recordsOf(storeIn(disk))).get('work')!;
  expect(stepsIn(record.log)).toBe(4000);
  expect(record).toMatchObject({ state: 'completed', facts_missing: 0 });
});

test('a store that can not be written to its disk gets all of it when it can again', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(folder, `console.log('pid ' + process.pid);${twoHalves(2000)}`);
  const [, pid] = await script.printed(/pid (\d+)/);
  await script.printed(/half/);
  // What a user's quota does: each write beyond the first page fails, and needs no privileges to be had.
  const limit = (bytes: string): void => void execFileSync('prlimit', ['--pid', pid!, `--fsize=${bytes}:`]);
  limit('4096');
  goOn(folder);
  await script.printed(/ended/);
  await script.printedError(/could not be committed, trying again: disk I\/O error/);
  limit('unlimited');
  letClose(folder);
  expect(await script.ended).toMatchObject({ code: 0, stderr: expect.stringContaining('facts are being committed again') });
  const record = await work(folder);
  expect(stepsIn(record.log)).toBe(4000);
  expect(record).toMatchObject({ state: 'completed', facts_missing: 0 });
});

test('a store whose file is deleted is reported and begun again, and the record has how much it lacks', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(folder, twoHalves(1000));
  await script.printed(/half/);
  for (const end of ['', '-wal', '-shm']) rmSync(join(folder, `taskspan.sqlite${end}`), { force: true });
  goOn(folder);
  await script.printed(/ended/);
  letClose(folder);
  const { code, stderr } = await script.ended;
  expect(code).toBe(0);
  expect(stderr.match(/could not be committed, trying again: .*taskspan\.sqlite was deleted or replaced while it was in use/g)).toHaveLength(1);
  expect(stderr).toContain('facts are being committed again');
  // Its end has its name too.
  const record = (await recordsOf(storeIn(folder))).get('work')!;
  expect(record).toMatchObject({ state: 'completed', start: null, facts_missing: 1001 });
  expect(record.log).toMatch(/^\tstep 1000\n[^]*\tstep 1999\n\t1001 updates not received\n\tTask Finished\n$/);
});

test('a store that becomes damaged while it is in use is reported, stays as it is, and costs the task nothing', { timeout: 60_000 }, async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'taskspan.sqlite');
  const script = await startScript(folder, twoHalves(2000), { env: { FLUSHES: '0' } });
  await script.printed(/half/);
  const database = new DatabaseSync(path, { timeout: 10_000 });
  // What another process has written makes this one read the file again.
  database.exec(`INSERT INTO lease VALUES ('test', '', 0); PRAGMA wal_checkpoint(TRUNCATE)`);
  database.close();
  const bytes = readFileSync(path);
  bytes.fill(0xa5, 4096);
  // In its place: the file is never seen empty.
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 4096, bytes.length - 4096, 4096);
  closeSync(file);
  goOn(folder);
  await script.printed(/ended/);
  await script.printedError(/taskspan\.sqlite is damaged/);
  letClose(folder);
  const { code, stderr } = await script.ended;
  expect(code).toBe(0);
  expect(stderr.match(/could not be committed, trying again: .*is damaged/g)).toHaveLength(1);
  expect(readFileSync(path).equals(bytes)).toBe(true);
});

test('a foreign file where the store should be is reported and left alone, and tasks run', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'taskspan.sqlite');
  writeFileSync(path, 'notes\n');
  const script = await startScript(
    folder,
    `const taskspan = await startTaskspan();
     console.log(await runTask('work', async (updater) => { updater.notify('said'); return 'its result'; }), taskspan.failures[0].code);
     await taskspan.close();`,
  );
  expect(await script.ended).toMatchObject({ code: 0, stdout: 'its result FOREIGN\n', stderr: expect.stringContaining('taskspan leaves it alone') });
  expect(readFileSync(path, 'utf8')).toBe('notes\n');
});

test('what a full buffer had to give up is counted in record and log, and no scope is lost', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `const taskspan = await startTaskspan({ bufferBytes: 1024 * 1024 });
     const { DatabaseSync } = await import('node:sqlite');
     await taskspan.flush();
     const lock = new DatabaseSync('taskspan.sqlite', { timeout: 10_000 });
     lock.exec('BEGIN IMMEDIATE');
     const updater = new TaskUpdater({ taskName: 'work' });
     for (let part = 0; part < 50; part++) {
       updater.scope('part ' + part, (scope) => { for (let step = 0; step < 1000; step++) scope.notify('step ' + step); });
     }
     updater.complete();
     lock.exec('ROLLBACK');
     lock.close();
     await allCommitted(taskspan);
     await taskspan.close();`,
    { args: ['--disable-warning=ExperimentalWarning'] },
  );
  const { code, stderr } = await script.ended;
  expect(code).toBe(0);
  expect(stderr).toContain('facts are being dropped');
  const record = await work(folder);
  const reported = record.log.match(/^\tstep \d+$/gm)!.length;
  const missing = [...record.log.matchAll(/^\t(\d+) updates? not received$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
  expect(reported).toBeGreaterThan(1000);
  expect(reported + missing).toBe(50_000);
  expect(record).toMatchObject({ state: 'completed', facts_missing: missing, jobs: { total: 50, finished: 50, failed: 0, running: 0 } });
});

test('what the store can never take is dropped alone, counted and reported, and all that comes after it is there', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `const taskspan = await startTaskspan();
     const { DatabaseSync } = await import('node:sqlite');
     await taskspan.flush();
     const database = new DatabaseSync('taskspan.sqlite', { timeout: 10_000 });
     database.exec(\`CREATE TRIGGER poison BEFORE INSERT ON journal WHEN CAST(NEW.text AS TEXT) LIKE '%poison%'
       BEGIN SELECT RAISE(ABORT, 'no poison here'); END\`);
     database.close();
     await runTask('work', async (updater) => {
       for (let step = 0; step < 1000; step++) {
         updater.notify('step ' + step);
         if (step % 500 === 250) updater.notify('poison');
       }
     });
     await runTask('after', () => undefined);
     for (let n = 0; n < 3; n++) await taskspan.flush();
     await taskspan.close();`,
  );
  const { code, stderr } = await script.ended;
  expect(code).toBe(0);
  expect(stderr.match(/a fact of task \S+ was dropped, the store can't take it: no poison here/g)).toHaveLength(2);
  const records = await recordsOf(storeIn(folder));
  const record = records.get('work')!;
  expect(stepsIn(record.log)).toBe(1000);
  expect(record).toMatchObject({ state: 'completed', facts_missing: 2 });
  expect(record.log).toContain('\t2 updates not received\n\tTask Finished');
  expect(records.get('after')).toMatchObject({ state: 'completed', facts_missing: 0 });
});

test('a store that can not be opened for long gets all of it when it can', { timeout: 60_000 }, async () => {
  const folder = await temporaryFolder();
  const script = await startScript(folder, twoHalves(1000), { env: { STORE: 'later/taskspan.sqlite', FIRST_FLUSHES: '1' } });
  await script.printed(/half/);
  goOn(folder);
  await script.printed(/ended/);
  await mkdir(join(folder, 'later'));
  letClose(folder);
  expect((await script.ended).code).toBe(0);
  const record = (await recordsOf(storeIn(join(folder, 'later')))).get('work')!;
  expect(stepsIn(record.log)).toBe(2000);
});
