import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { startTaskspan } from '../collector/index.ts';
import type { Taskspan } from '../collector/index.ts';
import { runTask } from '../src/index.ts';
import type { Figure } from './figure.ts';
import { inFolder } from './fresh-taskspan.ts';
import type { Effort } from './rounds.ts';
import { textAt } from './texts.ts';

const PAUSE_MS = 10;
const AT_ONCE = 500;

/** How long a client waits for a record at rest, and while another task of the same process sends a million notifications. */
export function measure(effort: Effort): Promise<Figure[]> {
  return inFolder(async (folder) => {
    await using taskspan = await startTaskspan({ store: join(folder, 'taskspan.sqlite'), serve: { port: 0 } });
    const small = await smallTask(taskspan);
    const restMs = effort.quick ? 500 : 5000;
    const lines = effort.quick ? 100_000 : 1_000_000;
    const rest = await timesOf(small, () => delay(restMs));
    const busy = await timesOf(small, async () => {
      await sayLines(lines);
      await taskspan.flush();
    });
    return [50, 95].map((percent) => ({
      name: `a record of 2 kB while ${lines} lines come in, until a client has it: p${percent} (bare: at rest)`,
      unit: 'ms',
      ours: percentile(busy, percent),
      bare: percentile(rest, percent),
    }));
  });
}

async function smallTask(taskspan: Taskspan): Promise<string> {
  const uuid = runTask('Import customers', (updater) => {
    for (let line = 0; line < 30; line++) updater.notify(textAt(line));
    return updater.taskUuid;
  });
  await taskspan.flush();
  return `${taskspan.url}/tasks/${uuid}`;
}

async function sayLines(count: number): Promise<void> {
  await runTask('Import orders', async (updater) => {
    for (let line = 0; line < count; line++) {
      updater.notify(textAt(line));
      if (line % AT_ONCE === 0) await turn();
    }
  });
}

/** The waiting times of a client in another process, in milliseconds, from least to most. */
async function timesOf(url: string, meanwhile: () => Promise<void>): Promise<number[]> {
  const client = fork(new URL('asker.ts', import.meta.url), [url, String(PAUSE_MS)]);
  await once(client, 'spawn');
  await delay(500);
  await meanwhile();
  client.send('stop');
  const [times] = (await once(client, 'message')) as [number[]];
  client.disconnect();
  await once(client, 'exit');
  return times.slice(1).toSorted((one, other) => one - other);
}

function percentile(sorted: readonly number[], percent: number): number {
  return sorted[Math.floor((sorted.length * percent) / 100)]!;
}
