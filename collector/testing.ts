/**
 * taskspan/testing: records tasks in memory, for the tests of an application.
 */
import { capture } from '../src/capture.ts';
import { globalSlots, report } from '../src/report.ts';
import { readingEnd, untilWoken } from './capture/ring-reader.ts';
import { RingSpanProcessor } from './capture/ring-span-processor.ts';
import { RingWriter } from './capture/ring-writer.ts';
import { takeContextSlot } from './export/provider.ts';
import type { AttemptRecord, TaskSummary } from '../src/task-record.ts';
import { Committer } from './store/committer.ts';
import { memoryStore } from './store/sqlite/sqlite-store.ts';
import type { TaskPage } from './store/task-store.ts';

/** The tasks of this process since {@link recordedTasks}. Each read has all that was reported until it was called. */
export interface RecordedTasks extends AsyncDisposable {
  /** The record of a task, without its log. Rejects for a task that is not among them. */
  record(taskUuid: string): Promise<TaskSummary>;
  /** All records, in the order in which their tasks came: for code that does not hand out its tasks' UUIDs. */
  records(): Promise<TaskSummary[]>;
  /** The whole log of a task. Rejects for a task that is not among them. */
  log(taskUuid: string): Promise<string>;
  /** The attempts of a task with their scopes, first to last. Rejects for a task that is not among them. */
  scopes(taskUuid: string): Promise<AttemptRecord[]>;
  /** Ends the recording. What is reported afterwards is not recorded. Without effect the second time. */
  close(): Promise<void>;
}

/**
 * Records every task of this process in memory from now on, until it is closed or disposed of. Prints nothing, reads no
 * environment variable, heeds no fake timer, and needs no OpenTelemetry provider; one that is registered is left alone.
 * Without a context manager one is registered, until the end, so that code has an active span.
 *
 * ```ts
 * await using tasks = await recordedTasks();
 * const taskUuid = await importCustomers();
 * expect(await tasks.record(taskUuid)).toMatchObject({ state: 'completed' });
 * ```
 *
 * Rejects where a collector of `startTaskspan()`, or another recording, runs in this process.
 */
export async function recordedTasks(): Promise<RecordedTasks> {
  if (capture.always.size > 0) {
    throw new Error('recordedTasks: a collector or another recording runs in this process: close it first');
  }
  const ring = new RingWriter();
  ring.onFull = () => report('too much was reported without a turn of the event loop: the rest is not recorded');
  const store = memoryStore();
  const committer = new Committer({ source: readingEnd(ring), store, sleep: () => untilWoken(ring), onFailure: () => undefined });
  void committer.run();
  const processor = new RingSpanProcessor(ring);
  capture.always.add(processor);
  let giveBack = (): void => undefined;
  // As the first task begins: what the application registers until then stays.
  const take = (): void => {
    if (globalSlots().context === undefined) giveBack = takeContextSlot();
  };
  capture.registerProvider = take;

  const found = async <T>(taskUuid: string, read: (uuid: string) => Promise<T | undefined>): Promise<T> => {
    await committer.drain();
    const value = await read(taskUuid.toLowerCase());
    if (value === undefined) throw new Error(`task ${taskUuid} is not among the recorded tasks`);
    return value;
  };
  const close = async (): Promise<void> => {
    capture.always.delete(processor);
    if (capture.registerProvider === take) capture.registerProvider = undefined;
    giveBack();
    ring.close();
    await committer.drain();
    committer.stop();
  };
  return {
    record: (taskUuid) => found(taskUuid, (uuid) => store.task(uuid)),
    async records() {
      await committer.drain();
      const uuids: string[] = [];
      let page: TaskPage | undefined;
      do {
        page = await store.tasks({ limit: Number.MAX_SAFE_INTEGER, ...(page?.next !== undefined && { cursor: page.next }) });
        for (const { uuid } of page.tasks) uuids.push(uuid);
      } while (page.next !== undefined);
      // A list leaves out what is long.
      const records = await Promise.all(uuids.map((uuid) => store.task(uuid)));
      return records.filter((record) => record !== undefined).toReversed();
    },
    log: async (taskUuid) => (await found(taskUuid, (uuid) => store.log(uuid))).text,
    scopes: async (taskUuid) => (await found(taskUuid, (uuid) => store.scopes(uuid))).attempts,
    close,
    [Symbol.asyncDispose]: close,
  };
}
