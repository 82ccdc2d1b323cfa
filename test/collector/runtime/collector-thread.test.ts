import { channel } from 'node:diagnostics_channel';
import type { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test, vi } from 'vitest';
import { RingWriter } from '../../../collector/capture/ring-writer.ts';
import { CollectorThread } from '../../../collector/runtime/collector-thread.ts';
import { diagnosed } from '../../src/support/diagnosed.ts';
import { newFile } from '../store/sqlite-file.ts';

/** A thread, and the promise of its first message. */
interface StartedThread {
  readonly worker: Worker;
  readonly message: Promise<unknown>;
}

/** The threads that are started from now on, in their order. */
function startedThreads(): StartedThread[] {
  const threads: StartedThread[] = [];
  const started = channel('worker_threads');
  const listener = (event: unknown): void => {
    const { worker } = event as { worker: Worker };
    threads.push({ worker, message: new Promise((resolve) => worker.once('message', resolve)) });
  };
  started.subscribe(listener);
  onTestFinished(() => started.unsubscribe(listener));
  return threads;
}

/** A collector in a thread, on a file of its own. It is ready. */
async function startedCollector(sendLostTraces: () => Promise<void> = () => Promise.resolve()): Promise<{ collector: CollectorThread; ring: RingWriter }> {
  diagnosed();
  const ring = new RingWriter();
  const collector = new CollectorThread({
    ring,
    location: newFile(),
    serve: undefined,
    heartbeat: undefined,
    upkeep: { retention: {}, quietFinalMs: 0, queuedFinalMs: 0 },
    sendLostTraces,
    onReplaced: () => undefined,
  });
  onTestFinished(() => collector.close());
  await collector.ready;
  return { collector, ring };
}

test('an answer to a collector thread that has died does not reach the one that was started after it', async () => {
  const threads = startedThreads();
  const sent = Promise.withResolvers<void>();
  await startedCollector(() => sent.promise);
  const first = threads[0]!.worker;
  first.emit('message', { type: 'call', id: 1, method: 'sendLostTraces', args: [[]] });
  await first.terminate();
  await expect.poll(() => threads.length).toBe(2);
  const { worker: second, message } = threads[1]!;
  const posted = vi.spyOn(second, 'postMessage');
  sent.resolve();
  await message;
  expect(posted).not.toHaveBeenCalled();
});

test('a collector thread that can not be started again is tried again', async () => {
  const threads = startedThreads();
  const { collector, ring } = await startedCollector();
  vi.spyOn(ring, 'segments', 'get').mockImplementationOnce(() => {
    throw new Error('no memory');
  });
  await threads[0]!.worker.terminate();
  await expect.poll(() => threads.length).toBe(2);
  await threads[1]!.message;
  expect(await collector.store.tasks({ limit: 1 })).toEqual({ tasks: [] });
});
