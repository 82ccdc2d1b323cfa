import { expect, onTestFinished, test } from 'vitest';
import { readingEnd } from '../../../collector/capture/ring-reader.ts';
import { EventLoopWatch } from '../../../collector/server/event-loop-watch.ts';
import { collectorMetrics } from '../../../collector/server/metrics.ts';
import { Committer } from '../../../collector/store/committer.ts';
import { memoryStore, sqliteStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import { TaskStoreError } from '../../../collector/store/task-store.ts';
import { temporaryFolder } from '../../support/node-process.ts';
import { WrittenRing } from '../capture/written-ring.ts';
import { lockStore, startScript } from '../runtime/script.ts';
import { BACKENDS, factsOf, storePath, uuidOf } from '../store/stored-task.ts';

/** The samples of Prometheus's text format, by name with labels. */
function samplesOf(text: string): Record<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]));
}

test('facts are counted from the ring to their commit, with how long it took and what went wrong', async () => {
  const ring = new WrittenRing({ segmentBytes: 4096, limitBytes: 64 * 1024 });
  const source = readingEnd(ring.ring);
  const store = memoryStore();
  let failing = true;
  const refusing = Object.create(store, { append: { value: (facts: never) => (failing ? Promise.reject(new Error('away')) : store.append(facts)) } });
  const metrics = collectorMetrics(source, store);
  const committer = new Committer({ source, store: refusing, sleep: () => Promise.resolve(), onFailure: () => undefined, observer: metrics.commits });
  const facts = factsOf(uuidOf(1), { time: Date.now() * 1000 - 2_000_000, lines: 3, end: 'completed' });
  for (const fact of facts) ring.write(fact);
  await committer.drain();
  const before = samplesOf(await metrics.text());
  expect(before).toMatchObject({ taskspan_facts_read_total: 5, taskspan_facts_committed_total: 0, taskspan_commit_failures_total: 1 });
  expect(before['taskspan_waiting_bytes']).toBeGreaterThan(5 * 48);
  failing = false;
  let tooMany = 0;
  const [, line] = factsOf(uuidOf(2), { lines: 1 });
  for (let n = 0; n < 1000; n++) if (!ring.write(line!)) tooMany++;
  metrics.watchers.inc();
  await committer.drain();
  await committer.drain();
  const after = samplesOf(await metrics.text());
  expect(after).toMatchObject({
    taskspan_facts_read_total: 1005 - tooMany,
    taskspan_facts_committed_total: 1005 - tooMany,
    taskspan_facts_given_up_total: tooMany,
    taskspan_waiting_bytes: 0,
    'taskspan_commit_lag_seconds_bucket{le="1"}': 0,
    taskspan_watchers: 1,
    'taskspan_tasks{state="completed"}': 1,
    'taskspan_tasks{state="running"}': 1,
    'taskspan_tasks{state="failed"}': 0,
  });
  expect(tooMany).toBeGreaterThan(0);
  expect(after['taskspan_commits_total']).toBe(after['taskspan_commit_lag_seconds_count']);
});

test('the longest turn of the last minute is measured in CPU time, and checkpoints do not count', async () => {
  let [now, cpu, checkpoints] = [0, 0, 0];
  const delays: number[] = [];
  const watch = new EventLoopWatch((ms) => delays.push(ms), () => checkpoints, { now: () => now, cpu: () => cpu });
  await watch.stop();
  const turn = (ms: number, cpuMs: number): void => {
    now += ms;
    cpu += cpuMs;
    watch.look();
  };
  turn(20, 1);
  turn(300, 12);
  expect([watch.longestTurn, delays]).toEqual([12, [0, 280]]);
  checkpoints += 70;
  turn(90, 80);
  expect(watch.longestTurn).toBe(12);
  turn(60_000, 5);
  expect(watch.longestTurn).toBe(12);
  turn(60_000, 5);
  expect(watch.longestTurn).toBe(5);
});

test('the event loop and the checkpoints of a SQLite file are among the figures', async () => {
  const path = storePath();
  const store = sqliteStore(path);
  onTestFinished(() => store.close());
  const metrics = collectorMetrics(readingEnd(new WrittenRing().ring), store);
  await metrics.eventLoop.stop();
  metrics.eventLoop.look();
  await store.append(factsOf(uuidOf(0)));
  expect(store.checkpoints.count).toBe(0);
  // A write-ahead log of a thousand pages is written into the database.
  for (let number = 1; store.checkpoints.count === 0 && number < 100; number++) await store.append(factsOf(uuidOf(number), { lines: 2000 }));
  const samples = samplesOf(await metrics.text());
  expect(samples).toMatchObject({ taskspan_checkpoints_total: 1, taskspan_event_loop_delay_seconds_count: 1 });
  for (const name of ['taskspan_checkpoint_seconds_total', 'taskspan_longest_checkpoint_seconds']) expect(samples[name]).toBeGreaterThan(0);
  expect('taskspan_longest_turn_seconds' in samples).toBe(process.threadCpuUsage !== undefined);
});

test('what the store can never take is among what was dropped', async () => {
  const ring = new WrittenRing();
  const source = readingEnd(ring.ring);
  const metrics = collectorMetrics(source, memoryStore());
  const store = Object.create(memoryStore(), { append: { value: () => Promise.reject(new TaskStoreError('REFUSED', 'no')) } });
  const committer = new Committer({ source, store, sleep: () => Promise.resolve(), onFailure: () => undefined, observer: metrics.commits });
  for (const fact of factsOf(uuidOf(1), { lines: 3 })) ring.write(fact);
  await committer.drain();
  await committer.drain();
  expect(samplesOf(await metrics.text())).toMatchObject({ taskspan_facts_given_up_total: 4, taskspan_commits_total: 0 });
});

test.each(BACKENDS)('tasks %s are counted by state', async (_, open) => {
  const store = open();
  expect((await store.counts()).counts).toEqual({});
  for (let n = 0; n < 6; n++) await store.append(factsOf(uuidOf(n), { end: n < 3 ? 'failed' : n < 5 ? 'completed' : undefined }));
  expect((await store.counts()).counts).toEqual({ failed: 3, completed: 2, running: 1 });
});

test('a process that serves its tasks serves its own figures too, also while its store is locked', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `const taskspan = await startTaskspan({ serve: { port: 0 } });
     await runTask('work', (updater) => { for (let step = 0; step < 100; step++) updater.notify('step ' + step); });
     await taskspan.flush();
     console.log(taskspan.url);
     const updater = new TaskUpdater({ taskName: 'goes on' });
     setInterval(() => updater.notify('step'), 10);`,
  );
  const [url] = await script.printed(/http:\S+/);
  const samples = async (): Promise<Record<string, number>> => samplesOf(await (await fetch(`${url}/metrics`)).text());
  expect((await fetch(`${url}/metrics`)).headers.get('Content-Type')).toMatch(/^text\/plain; version=0\.0\.4/);
  await expect.poll(samples).toMatchObject({ 'taskspan_tasks{state="completed"}': 1, taskspan_facts_given_up_total: 0 });
  expect((await samples())['taskspan_facts_committed_total']).toBeGreaterThanOrEqual(102);
  const watching = new AbortController();
  const stream = await fetch(`${url}/tasks/events`, { signal: watching.signal });
  expect(await samples()).toMatchObject({ taskspan_watchers: 1 });
  watching.abort();
  await expect(stream.text()).rejects.toThrow();
  await expect.poll(samples).toMatchObject({ taskspan_watchers: 0 });
  const lock = lockStore(folder);
  await expect.poll(async () => (await samples())['taskspan_commit_failures_total']).toBeGreaterThan(0);
  expect((await samples())['taskspan_waiting_bytes']).toBeGreaterThan(0);
  lock.close();
  script.kill('SIGTERM');
  await script.ended;
}, 60_000);
