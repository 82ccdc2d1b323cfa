import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Span } from '@opentelemetry/api';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { sqliteStore, startTaskspan } from '../collector/index.ts';
import type { Taskspan } from '../collector/index.ts';
import { NOTIFICATION_EVENT, MESSAGE, SEQ } from '../src/conventions.ts';
import { runTask, TaskUpdater } from '../src/index.ts';
import type { Scope } from '../src/index.ts';
import { bareAttributes } from './bare-attributes.ts';
import { spreadOf } from './figure.ts';
import type { Figure } from './figure.ts';
import { inFolder, withTaskspan } from './fresh-taskspan.ts';
import type { Effort } from './rounds.ts';
import { textAt } from './texts.ts';

/**
 * What is held in memory, after a collection: heap, buffers and the ring. In the task's thread
 * alone as `startTaskspan` has it, and with the collector in the same thread, so that what the
 * collector holds counts too.
 */
export async function measure(effort: Effort): Promise<Figure[]> {
  const amount = effort.quick ? 0.1 : 1;
  return [
    ...(await withTaskspan((taskspan) => held('', taskspan, amount))),
    ...(await inFolder(async (folder) => {
      const store = sqliteStore(join(folder, 'taskspan.sqlite'));
      const taskspan = await startTaskspan({ store });
      const figures = await held(', with the collector', taskspan, amount);
      await taskspan.close();
      await store.close();
      return figures;
    })),
  ];
}

async function held(where: string, taskspan: Taskspan, amount: number): Promise<Figure[]> {
  const finished = await finishedTasks(taskspan, 10_000 * amount);
  return [
    await liveNotifications(`a live notification holds${where}`, taskspan, 200_000 * amount),
    await liveScopes(`a live scope holds${where}`, taskspan, 10_000 * amount),
    { name: `a finished task holds${where}`, unit: 'bytes', ours: finished.bytes, target: { of: 'ours', most: 16 } },
    { name: `of 1000 finished tasks still reachable${where}`, unit: '', ours: finished.reachable, target: { of: 'ours', most: 0 } },
  ];
}

/** Notifications of one scope; bare are as many events of one span, of which the SDK keeps 128. */
function liveNotifications(name: string, taskspan: Taskspan, count: number): Promise<Figure> {
  return runTask('Notifications', (updater) =>
    updater.scope('Scope', async (): Promise<Figure> => {
      const notify = (): void => {
        for (let index = 0; index < count; index++) updater.notify(textAt(index));
      };
      const span = new NodeTracerProvider().getTracer('bench').startSpan('Bare');
      const addEvents = (): void => {
        for (let index = 0; index < count; index++) {
          span.addEvent(NOTIFICATION_EVENT, { [MESSAGE]: textAt(index), [SEQ]: index }, Date.now());
        }
      };
      const ours = await growth(taskspan, notify);
      const bare = await growth(taskspan, addEvents);
      // Both hold next to nothing: a ratio would mean nothing.
      return { name, unit: 'bytes', ours: ours / count, bare: bare / count, target: { of: 'ours', most: 1 } };
    }),
  );
}

/** Open scopes of one task against open spans with the same attributes. */
function liveScopes(name: string, taskspan: Taskspan, count: number): Promise<Figure> {
  return runTask('Scopes', async (updater) => {
    const tracer = new NodeTracerProvider().getTracer('bench');
    const scopes: Scope[] = [];
    const spans: Span[] = [];
    const openScopes = (): void => {
      for (let index = 0; index < count; index++) scopes.push(updater.scope('Scope'));
    };
    const startSpans = (): void => {
      for (let index = 0; index < count; index++) spans.push(tracer.startSpan('Scope', { attributes: bareAttributes() }));
    };
    const ours = await growth(taskspan, openScopes);
    const bare = await growth(taskspan, startSpans);
    for (const scope of scopes) scope.complete();
    for (const span of spans) span.end();
    return { name, unit: 'bytes', ours: ours / count, bare: bare / count, ratio: spreadOf([ours / bare]) };
  });
}

/** What so many finished tasks leave behind, and how many of a thousand can't be collected. */
async function finishedTasks(taskspan: Taskspan, count: number): Promise<{ bytes: number; reachable: number }> {
  const run = async (tasks: number, seen?: WeakRef<object>[]): Promise<void> => {
    for (let task = 0; task < tasks; task++) {
      const updater = new TaskUpdater({ taskName: 'Finished' });
      seen?.push(new WeakRef(updater));
      updater.scope('Scope', (scope) => {
        scope.notify('Something is done');
        seen?.push(new WeakRef(scope));
      });
      updater.complete();
      if (task % 100 === 99) await taskspan.flush();
    }
  };
  const bytes = (await growth(taskspan, () => run(count))) / count;
  const seen: WeakRef<object>[] = [];
  await run(1000, seen);
  await taskspan.flush();
  await heldBytes();
  return { bytes, reachable: seen.filter((one) => one.deref() !== undefined).length };
}

/** By how much memory grows each time, on average, once caches and buffers have their size. */
async function growth(taskspan: Taskspan, work: () => void | Promise<void>): Promise<number> {
  let before = 0;
  for (let time = -WARM_TIMES; time < TIMES; time++) {
    if (time === 0) before = await heldBytes();
    await work();
    await taskspan.flush();
  }
  return ((await heldBytes()) - before) / TIMES;
}

const WARM_TIMES = 2;
const TIMES = 3;

async function heldBytes(): Promise<number> {
  // The ring gives back what a burst took when the event loop has turned for a while.
  await delay(1000);
  for (let time = 0; time < 3; time++) {
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc!();
  }
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}
