import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { serveTasks } from '../collector/server/serve-tasks.ts';
import { createTasksApp, startTaskspan } from '../collector/index.ts';
import type { Taskspan } from '../collector/index.ts';
import { TaskUpdater } from '../src/index.ts';
import type { Figure } from './figure.ts';
import { inFolder } from './fresh-taskspan.ts';
import { figureOf, measureRounds } from './rounds.ts';
import type { Effort, Work } from './rounds.ts';
import { textAt } from './texts.ts';
import type { FanOut, ServedStreams } from './watchers-server.ts';

const FAN_OUT = { of: 'ratio', most: 1.5 } as const;
const SCREEN = { of: 'ours', most: 100 } as const;

/** From `notify()` to what a watcher sees, and what thousands of watchers cost. */
export async function measure(effort: Effort): Promise<Figure[]> {
  const figures = await screens(effort);
  const [few, many] = effort.quick ? ([200, 1000] as const) : ([1000, 5000] as const);
  figures.push(await fanOut(effort, few, 'log'), await fanOut(effort, many, 'log'), await fanOut(effort, many, 'scopes'));
  return figures;
}

/** The collector thread's own server, and one that learns of its commits by looking at the file. */
function screens(effort: Effort): Promise<Figure[]> {
  return inFolder(async (folder) => {
    await using taskspan = await startTaskspan({ store: join(folder, 'taskspan.sqlite'), serve: { port: 0 } });
    const other = await serveTasks({ app: createTasksApp({ store: taskspan.store }), port: 0 });
    try {
      return [
        ...(await screen(effort, taskspan, taskspan.url!, 'the collector thread')),
        ...(await screen(effort, taskspan, other.url, 'another connection')),
      ];
    } finally {
      await other.close();
    }
  });
}

async function screen(effort: Effort, taskspan: Taskspan, url: string, server: string): Promise<Figure[]> {
  const updater = new TaskUpdater({ taskName: 'watched' });
  await taskspan.flush();
  const watcher = await watch(url, `/tasks/${updater.taskUuid}/events`);
  const times: number[] = [];
  for (let line = 0; line < (effort.quick ? 50 : 400); line++) {
    // The pauses differ: they are in step neither with commits nor with reads of the file.
    await delay(5 + ((line * 37) % 97));
    const seen = watcher.event();
    const before = performance.now();
    updater.notify(textAt(line));
    await seen;
    times.push(performance.now() - before);
  }
  watcher.socket.destroy();
  updater.insertFinalUpdate();
  const sorted = times.toSorted((one, two) => one - two);
  return [50, 95].map((percent) => ({
    name: `notify() to a watcher's screen, by ${server}: p${percent}`,
    unit: 'ms',
    ours: sorted[Math.floor((sorted.length * percent) / 100)]!,
    ...(percent === 95 && { target: SCREEN }),
  }));
}

/** One event to all watchers, against the same bytes written to as many plain responses; CPU time is the server's. */
async function fanOut(effort: Effort, count: number, kind: 'log' | 'scopes'): Promise<Figure> {
  const server = fork(new URL('watchers-server.ts', import.meta.url));
  try {
    const { url, bare, [kind]: path } = await answer<ServedStreams>(server);
    const sides = { ours: await watchAll(url, path, count), bare: await watchAll(url, bare, count) };
    // So that both send as many bytes.
    const first = sides.ours[0]!.event();
    server.send(kind satisfies FanOut);
    server.send({ bytes: (await first).length } satisfies FanOut);
    const work = (side: 'ours' | 'bare'): Work => async (events) => {
      for (let event = 0; event < events; event++) {
        const seen = Promise.all(sides[side].map((watcher) => watcher.event()));
        server.send((side === 'ours' ? kind : side) satisfies FanOut);
        await seen;
      }
    };
    const timings = await measureRounds({ ours: work('ours'), bare: work('bare') }, {
      effort,
      count: effort.quick ? 2 : 4,
      burst: 1,
      // Reading pauses after a long sending: that is not what is measured.
      settle: () => delay(count / 10),
      cpuTime: () => {
        const message = answer<number>(server);
        server.send('cpu' satisfies FanOut);
        return message;
      },
    });
    const what = kind === 'log' ? 'an event' : 'an event with scopes, of 10,000,';
    return figureOf(`${what} to ${count} watchers (bare: the same bytes to as many plain responses)`, timings, FAN_OUT);
  } finally {
    server.kill();
  }
}

async function watchAll(url: string, path: string, count: number): Promise<Watcher[]> {
  const watchers: Watcher[] = [];
  while (watchers.length < count) {
    watchers.push(...(await Promise.all(Array.from({ length: 50 }, () => watch(url, path)))));
  }
  return watchers;
}

interface Watcher {
  socket: Socket;
  /** The next event, in one piece. */
  event(): Promise<string>;
}

async function watch(url: string, path: string): Promise<Watcher> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  const opened = new Promise<void>((resolve, reject) => {
    let head = '';
    const read = (chunk: string): void => {
      head += chunk;
      if (!/event: record\n[^]*\n\n\r\n$/.test(head)) return;
      socket.off('data', read);
      resolve();
    };
    socket.setEncoding('latin1').on('data', read).once('error', reject);
  });
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
  await opened;
  return {
    socket,
    event: () => new Promise((resolve) => void socket.once('data', (text) => resolve(String(text)))),
  };
}

async function answer<T>(server: ChildProcess): Promise<T> {
  const [message] = (await once(server, 'message')) as [T];
  return message;
}
