import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pino from 'pino';
import { startTaskspan } from '../collector/index.ts';
import type { Taskspan } from '../collector/index.ts';
import { runTask } from '../src/index.ts';
import type { TaskUpdater } from '../src/index.ts';
import { medianOf } from './figure.ts';
import type { Figure } from './figure.ts';
import { inFolder } from './fresh-taskspan.ts';
import { figureOf, measureRounds, processCpuTime } from './rounds.ts';
import type { Effort, Timing, Work } from './rounds.ts';
import { LINE_BYTES, textAt } from './texts.ts';

/**
 * A million notifications until SQLite has the last of them, against as many lines of pino to a
 * file, written at once or gathered: the cheaper counts. CPU time is that of all threads.
 */
export function measure(effort: Effort): Promise<Figure[]> {
  const lines = effort.quick ? 100_000 : 1_000_000;
  return inFolder(async (folder) => [
    ...(await linesAgainstPino(folder, lines, effort)),
    ...(await bytesWritten(folder, lines)),
  ]);
}

async function linesAgainstPino(folder: string, lines: number, effort: Effort): Promise<Figure[]> {
  await using taskspan = await startTaskspan({ store: join(folder, 'lines.sqlite') });
  const timings = await runTask('Durable', (updater) =>
    updater.scope('Scope', async () => {
      const sides = {
        ours: await durableNotifications(taskspan, updater),
        direct: pinoLines(join(folder, 'direct.log'), { sync: true }),
        gathered: pinoLines(join(folder, 'gathered.log'), { sync: false, minLength: 4096 }),
      };
      const settle = (): Promise<void> => taskspan.flush();
      return measureRounds(sides, { effort, cpuTime: processCpuTime, count: lines, settle });
    }),
  );
  const { ours, direct, gathered } = timings;
  const cheaper = cpuOf(direct) < cpuOf(gathered) ? 'direct' : 'gathered';
  const target = { of: 'ratio', most: 1 } as const;
  return [
    figureOf(`${lines} lines until durable, a line (bare: pino, ${cheaper})`, { ours, bare: timings[cheaper] }, target),
    figureOf('the same (bare: pino, the other way)', { ours, bare: cheaper === 'direct' ? gathered : direct }),
  ];
}

function cpuOf(timings: readonly Timing[]): number {
  return medianOf(timings.map((timing) => timing.cpu));
}

/** Sends so many notifications, then waits until all are in the database. */
async function durableNotifications(taskspan: Taskspan, updater: TaskUpdater<false>): Promise<Work> {
  const { taskUuid } = updater;
  let expected = await logBytes(taskspan, taskUuid);
  return async (count) => {
    for (let index = 0; index < count; index++) updater.notify(textAt(index));
    expected += count * LINE_BYTES;
    // A flush gives up after two seconds.
    do await taskspan.flush();
    while ((await logBytes(taskspan, taskUuid)) < expected);
  };
}

async function logBytes(taskspan: Taskspan, uuid: string): Promise<number> {
  await taskspan.flush();
  return (await taskspan.store.stored(uuid))?.logBytes ?? 0;
}

function pinoLines(path: string, options: { sync: boolean; minLength?: number }): Work {
  const destination = pino.destination({ dest: path, ...options });
  const logger = pino(destination);
  return async (count) => {
    for (let index = 0; index < count; index++) logger.info(textAt(index));
    await new Promise<void>((resolve, reject) => {
      logger.flush((error) => (error === undefined || error === null ? resolve() : reject(error)));
    });
  };
}

/**
 * What a task with a million lines makes the process write, from its start until the database is
 * closed and its write-ahead log emptied.
 */
async function bytesWritten(folder: string, lines: number): Promise<Figure[]> {
  const before = processIo();
  if (before === undefined) return [];
  const taskspan = await startTaskspan({ store: join(folder, 'bytes.sqlite') });
  await runTask('Bytes', (updater) =>
    updater.scope('Scope', async () => {
      await (await durableNotifications(taskspan, updater))(lines);
    }),
  );
  await taskspan.close();
  const after = processIo()!;
  const figure = (name: string, bytes: number): Figure => {
    const ratio = bytes / (lines * LINE_BYTES);
    return { name, unit: 'bytes', ours: bytes / lines, bare: LINE_BYTES, ratio: { median: ratio, min: ratio, max: ratio } };
  };
  return [
    { ...figure('bytes handed to write(), a line of the log', after.wchar - before.wchar), target: { of: 'ratio', most: 4 } },
    figure('bytes sent to the disk, a line of the log', after.write_bytes - before.write_bytes),
  ];
}

/** The kernel's counts; `undefined` where the kernel has none (only Linux has). */
function processIo(): { wchar: number; write_bytes: number } | undefined {
  try {
    const text = readFileSync('/proc/self/io', 'utf8');
    const count = (name: string): number => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)?.[1]);
    return { wchar: count('wchar'), write_bytes: count('write_bytes') };
  } catch {
    return undefined;
  }
}
