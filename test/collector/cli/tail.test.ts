import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TaskEvent } from '../../../collector/cli/source.ts';
import { applyChange } from '../../../src/task-stream.ts';
import type { StreamRecord } from '../../../src/task-stream.ts';
import { freePort } from '../../support/free-port.ts';
import { ENTRY, startCommand, startProgram, temporaryFolder } from '../../support/node-process.ts';
import { recordsOf, storeIn } from '../runtime/script.ts';
import { command, PLACES, ranTasks, startServer, startTicking, ticksIn, UUID } from './task-processes.ts';

const stop = (folder: string): Promise<void> => writeFile(join(folder, 'stop'), '');

describe.each(PLACES)('taskspan tail by $by', ({ at }) => {
  it('prints the log as it grows, and nothing else, and exits with 0 when the task has completed', { timeout: 60_000 }, async () => {
    const folder = await temporaryFolder();
    await startTicking(folder);
    const { args } = await at(folder);
    const tail = startCommand(['tail', UUID, ...args], { cwd: folder });
    await tail.printed(/tick 20$/m);
    await stop(folder);
    const { code, stdout, stderr } = await tail.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe((await recordsOf(storeIn(folder))).get('ticking')!.log);
  });

  it('exits with 1 for a task that has failed', async () => {
    const { args } = await at(await ranTasks());
    expect(await command('tail', UUID, ...args)).toMatchObject({ code: 1, stderr: '' });
  });

  it('prints with --json each event as a line, and the record follows from them', { timeout: 60_000 }, async () => {
    const folder = await temporaryFolder();
    await startTicking(folder);
    const { args } = await at(folder);
    const tail = startCommand(['tail', UUID, '--json', ...args], { cwd: folder });
    await tail.printed(/tick 20\\n/);
    await stop(folder);
    const { stdout } = await tail.ended;
    const events = stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as TaskEvent);
    let record: StreamRecord | undefined;
    for (const event of events) {
      if (event.event === 'record') record = event.data;
      else if (event.event === 'change') record = applyChange(record!, event.data);
    }
    expect(record).toEqual({ ...(await recordsOf(storeIn(folder))).get('ticking'), log_from: 0 });
    expect(events.at(-1)).toEqual({ event: 'end', data: { version: record!.version, state: 'completed' } });
  });
});

describe('taskspan tail', () => {
  it('goes on where it was when its server was killed and started again', { timeout: 60_000 }, async () => {
    const folder = await temporaryFolder();
    await startTicking(folder);
    const port = await freePort();
    const { process: server, url } = await startServer(folder, { port });
    const tail = startCommand(['tail', UUID, '--url', url], { cwd: folder });
    await tail.printed(/tick (\d+)$/m);
    server.kill('SIGKILL');
    await server.ended;
    await startServer(folder, { port });
    await tail.printedError(/connected again/);
    await stop(folder);
    const { code, stdout, stderr } = await tail.ended;
    expect(code).toBe(0);
    const ticks = ticksIn(stdout);
    expect(ticks).toEqual(ticks.map((_, index) => index));
    expect(stdout.endsWith('\tTask Finished - 1 out of 1 jobs finished\n')).toBe(true);
    expect(stderr).toMatch(/^taskspan: .*; trying again\ntaskspan: connected again\n$/);
  });

  it('reports that a task is lost, then for good, and exits with 5', { timeout: 60_000 }, async () => {
    const folder = await temporaryFolder();
    const env = { TASKSPAN_BEAT_INTERVAL_MS: '500', TASKSPAN_LOST_FINAL_MS: '5000' };
    const worker = await startTicking(folder, { env });
    const { url } = await startServer(folder, { env });
    const tail = startCommand(['tail', UUID, '--url', url], { cwd: folder });
    await tail.printed(/tick 5$/m);
    worker.kill('SIGKILL');
    const { code, stderr } = await tail.ended;
    expect(stderr.replaceAll(/ at \d{4}-\S*Z$/gm, ' at TIME').split('\n')).toEqual([
      'taskspan: the task is lost: its worker was last heard at TIME',
      'taskspan: the task is lost for good: its worker was last heard at TIME',
      '',
    ]);
    expect(code).toBe(5);
  });

  it('begins with as many lines as -n has', async () => {
    const store = join(await ranTasks(), 'taskspan.sqlite');
    const { stdout } = await command('tail', UUID, '--store', store, '-n', '2');
    expect(stdout).toBe('RangeError: row 7 is too long\n\tTask Finished - 1 out of 2 jobs finished\n');
    expect((await command('tail', UUID, '--store', store, '-n', '0')).stdout).toBe('');
  });

  it('stops with Ctrl-C, and the task goes on', async () => {
    const folder = await temporaryFolder();
    await startTicking(folder);
    const tail = startCommand(['tail', UUID, '--store', 'taskspan.sqlite'], { cwd: folder });
    await tail.printed(/tick 5$/m);
    tail.kill('SIGINT');
    expect(await tail.ended).toMatchObject({ code: 130, stderr: '' });
    const again = startCommand(['tail', UUID, '--store', 'taskspan.sqlite'], { cwd: folder });
    await again.printed(/tick 50$/m);
  });

  it('ends when the reader of its output is gone', async () => {
    const folder = await temporaryFolder();
    await startTicking(folder);
    const line = '"$0" --disable-warning=ExperimentalWarning "$@" | head -n 2';
    const { stdout, stderr } = await startProgram('sh', ['-c', line, process.execPath, ENTRY, 'tail', UUID, '--store', 'taskspan.sqlite'], { cwd: folder }).ended;
    expect({ stdout, stderr }).toEqual({ stdout: '\t - Tick\n\ttick 0\n', stderr: '' });
  });
});
