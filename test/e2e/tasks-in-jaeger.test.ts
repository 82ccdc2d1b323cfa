import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trace } from '@opentelemetry/api';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startTaskspan } from '../../collector/index.ts';
import type { Taskspan } from '../../collector/index.ts';
import { runTask, TaskUpdater } from '../../src/index.ts';
import type { JaegerSpan } from './jaeger-query.ts';
import { describeWithPeers, startPeers } from './peers.ts';
import type { Peers } from './peers.ts';

describeWithPeers('tasks through the real Collector in the real Jaeger', () => {
  let peers: Peers;
  let folder: string;
  let taskspan: Taskspan;

  beforeAll(async () => {
    peers = await startPeers();
  });
  afterAll(() => peers?.stop());

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'taskspan-'));
    taskspan = await startTaskspan({ store: join(folder, 'tasks.sqlite'), endpoint: peers.otlpEndpoint, serviceName: 'tests' });
  });
  afterEach(async () => {
    await taskspan.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("the seed's example has one span a scope, with the right parents, status, events and attributes", async () => {
    const updater = await seedExample();
    await taskspan.flush();
    const spans = await peers.waitForSpans(updater.traceId, 6);
    expect(spans).toHaveLength(6);
    const byName = new Map(spans.map((span) => [span.name, span]));
    const task = byName.get('TEST')!;
    const second = byName.get('TEST - Second part')!;
    const failed = byName.get('My subtask 2 in my task 2')!;
    const parents = spans.map(({ name, parentSpanId }) => [name, spans.find((span) => span.spanId === parentSpanId)?.name]);
    expect(Object.fromEntries(parents)).toEqual({
      TEST: undefined,
      'TEST - First part': 'TEST',
      'TEST - Second part': 'TEST',
      'My subtask 1 in my task 2': 'TEST - Second part',
      'My subtask 2 in my task 2': 'TEST - Second part',
      'My subtask 3 in my task 2': 'TEST - Second part',
    });
    expect(spans.filter(({ status }) => status.code === 'error').map(({ name }) => name).toSorted()).toEqual(
      ['My subtask 2 in my task 2', 'TEST'],
    );
    expect(failed.status.message).toBe('division by zero');
    expect(failed.events.map(({ name }) => name)).toEqual(['exception']);
    expect(failed.events[0]!.attributes).toMatchObject({
      'exception.type': 'ZeroDivisionError',
      'exception.message': 'division by zero',
    });
    expect(byName.get('My subtask 1 in my task 2')!.events).toMatchObject([
      { name: 'taskspan.notification', attributes: { 'taskspan.message': 'Some notification related to the task' } },
    ]);
    expect(task.scope).toEqual({ name: 'taskspan', version: '1.2.0' });
    expect(task.resource).toMatchObject({ 'service.name': 'tests' });
    expect(task.attributes).toMatchObject({
      'taskspan.span': 'task',
      'taskspan.task.uuid': updater.taskUuid,
      'taskspan.outcome': 'failed',
      'taskspan.exception': 'division by zero',
    });
    expect(Number(task.attributes['taskspan.jobs.finished'])).toBe(3);
    expect(Number(task.attributes['taskspan.jobs.total'])).toBe(4);
    expect(second.attributes).toMatchObject({ 'taskspan.span': 'scope', 'taskspan.scope.parent': task.spanId, 'taskspan.outcome': 'completed', 'taskspan.heading': true });
  });

  test('children lie within their parents, and Jaeger adjusts no timestamps', async () => {
    const updater = await seedExample();
    await taskspan.flush();
    const spans = await peers.waitForSpans(updater.traceId, 6);
    for (const span of spans) {
      const parent = spans.find(({ spanId }) => spanId === span.parentSpanId);
      if (parent === undefined) continue;
      expect(span.startTime).toBeGreaterThanOrEqual(parent.startTime);
      expect(span.endTime).toBeLessThanOrEqual(parent.endTime);
    }
    const legacy = (await peers.legacyTrace(updater.traceId))!;
    expect(legacy.warnings ?? []).toEqual([]);
    expect(legacy.spans.flatMap(({ warnings }) => warnings ?? [])).toEqual([]);
  });

  test('a running scope is no phantom: nothing of it is there before it has ended', async () => {
    const updater = new TaskUpdater({ taskName: 'long' });
    const scope = updater.scope('open');
    scope.scope('ended').complete();
    await taskspan.flush();
    expect(namesOf(await peers.waitForSpans(updater.traceId, 1))).toEqual(['ended']);
    scope.complete();
    updater.complete();
    await taskspan.flush();
    expect(namesOf(await peers.waitForSpans(updater.traceId, 3))).toEqual(['ended', 'long', 'open']);
  });

  test('a span of the user between two scopes stands between them in the trace', async () => {
    let traceId = '';
    await runTask('with a span of its own', async (updater) => {
      traceId = updater.traceId;
      await updater.scope('outer', () =>
        trace.getTracer('user').startActiveSpan('query', async (span) => {
          await updater.scope('inner', async () => undefined);
          span.end();
        }),
      );
    });
    await taskspan.flush();
    const spans = await peers.waitForSpans(traceId, 4);
    const named = (name: string): JaegerSpan => spans.find((span) => span.name === name)!;
    expect(named('inner').parentSpanId).toBe(named('query').spanId);
    expect(named('inner').attributes['taskspan.scope.parent']).toBe(named('outer').spanId);
  });

  test('10,000 scopes in one task all arrive, each once', async () => {
    const updater = new TaskUpdater({ taskName: 'many' });
    for (let index = 0; index < 10_000; index++) updater.scope(`scope ${index}`, () => undefined);
    updater.complete();
    await taskspan.flush();
    const spans = await peers.waitForSpans(updater.traceId, 10_001, 120_000);
    expect(spans).toHaveLength(10_001);
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(10_001);
    const jobs = async (): Promise<unknown> => (await taskspan.store.task(updater.taskUuid))!.jobs;
    await expect.poll(jobs).toEqual({ total: 10_000, finished: 10_000, failed: 0, running: 0 });
  });
});

async function seedExample(): Promise<TaskUpdater> {
  const updater = new TaskUpdater({ taskName: 'TEST' });
  await updater.scope('TEST - First part', async () => {
    updater.notify('Some notification related to the task');
  });
  await updater.scope('TEST - Second part', async () => {
    updater.scope('My subtask 1 in my task 2', () => updater.notify('Some notification related to the task'));
    updater.scope('My subtask 2 in my task 2', () => {
      throw Object.assign(new Error('division by zero'), { name: 'ZeroDivisionError' });
    });
    await updater.scope('My subtask 3 in my task 2', async () => updater.notify('Some notification related to the task'));
  });
  updater.insertFinalUpdate();
  return updater;
}

function namesOf(spans: readonly JaegerSpan[]): string[] {
  return spans.map(({ name }) => name).toSorted();
}
