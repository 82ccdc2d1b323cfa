import { context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { describe, expect, onTestFinished, test } from 'vitest';
import { memoryStore, startTaskspan } from '../../../collector/index.ts';
import type { Taskspan, TaskspanOptions } from '../../../collector/index.ts';
import { announceTask, runTask } from '../../../src/index.ts';
import { diagnosed } from '../../src/support/diagnosed.ts';

/** Starts with a further processor that shows which spans our provider makes. */
async function started(options: TaskspanOptions = {}): Promise<{ taskspan: Taskspan; ours: InMemorySpanExporter }> {
  const ours = new InMemorySpanExporter();
  const taskspan = await startTaskspan({ store: memoryStore(), spanProcessors: [new SimpleSpanProcessor(ours)], ...options });
  onTestFinished(async () => {
    await taskspan.close();
    for (const api of [trace, context, propagation]) api.disable();
  });
  return { taskspan, ours };
}

function names(exporter: InMemorySpanExporter): string[] {
  return exporter.getFinishedSpans().map(({ name }) => name);
}

function userSpan(name: string): void {
  trace.getTracer('user').startSpan(name).end();
}

function theirs(): { exporter: InMemorySpanExporter; provider: NodeTracerProvider } {
  const exporter = new InMemorySpanExporter();
  return { exporter, provider: new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }) };
}

describe('our provider', () => {
  test.each([
    ['task', () => runTask('Task', () => undefined)],
    ['announcement', () => void announceTask({ taskName: 'Task' })],
  ])('is registered as the first %s begins', async (_, begin) => {
    const { ours } = await started();
    userSpan('before');
    begin();
    userSpan('after');
    expect(names(ours)).toEqual([expect.stringMatching(/Task$/), 'after']);
  });

  test('is registered at once with `true`, and never with `false`', async () => {
    diagnosed();
    const { ours, taskspan } = await started({ registerProvider: true });
    userSpan('at once');
    expect(names(ours)).toEqual(['at once']);
    await taskspan.close();
    const { ours: never } = await started({ registerProvider: false });
    runTask('Task', () => userSpan('user'));
    expect(names(never)).toEqual([]);
  });

  test.each(['auto', true] as const)('gives way to a provider that is registered before the first task, with %s', async (registerProvider) => {
    const { exporter, provider } = theirs();
    if (registerProvider === true) provider.register();
    const { ours, taskspan } = await started({ registerProvider, spanProcessors: [] });
    if (registerProvider === 'auto') provider.register();
    const uuid = runTask('Task', (updater) => updater.taskUuid);
    await taskspan.flush();
    expect([names(ours), names(exporter), taskspan.failures]).toEqual([[], ['Task'], []]);
    expect((await taskspan.store.log(uuid))?.text).toBe('\tTask Finished\n');
  });

  test('stays when another comes later: records are whole, spans are ours', async () => {
    const { ours, taskspan } = await started();
    runTask('First', () => undefined);
    const { exporter, provider } = theirs();
    provider.register();
    const uuid = runTask('Second', (updater) => updater.taskUuid);
    await taskspan.flush();
    expect([names(ours), names(exporter)]).toEqual([['First', 'Second'], []]);
    expect(await taskspan.store.task(uuid)).toBeDefined();
  });

  test('leaves its context manager to a provider that was registered beside it', async () => {
    const { provider } = theirs();
    provider.register({ contextManager: null });
    const { taskspan } = await started({ spanProcessors: [] });
    runTask('Task', () => undefined);
    await taskspan.close();
    trace.getTracer('user').startActiveSpan('user', (span) => {
      expect(trace.getActiveSpan()).toBe(span);
      span.end();
    });
  });

  test("gives back what it took as taskspan closes, and nothing of an application's", async () => {
    const { taskspan } = await started();
    runTask('Task', () => undefined);
    await taskspan.close();
    const { exporter, provider } = theirs();
    provider.register();
    const { taskspan: again } = await started({ spanProcessors: [] });
    runTask('Task', () => undefined);
    await again.close();
    userSpan('still theirs');
    expect(names(exporter)).toEqual(['Task', 'still theirs']);
  });
});

test('beside a provider without a context manager or propagator these are ours', async () => {
  const { provider } = theirs();
  provider.register({ contextManager: null, propagator: null });
  await started({ spanProcessors: [] });
  runTask('Task', () => {
    expect(trace.getActiveSpan()).toBeDefined();
    const headers: Record<string, string> = {};
    propagation.inject(context.active(), headers);
    expect(Object.keys(headers)).toEqual(['traceparent']);
  });
  expect(context.active()).toBe(ROOT_CONTEXT);
});

test('close() warns of a task that is still open', async () => {
  const reports = diagnosed();
  const { taskspan } = await started();
  const ended = runTask('Forgotten', () => taskspan.close());
  await ended;
  const warning = 'taskspan: 1 task is still open at close(): what is reported from now on is not recorded';
  expect(reports).toContain(warning);
});

test('further span processors are flushed, and shut down at close()', async () => {
  const calls: string[] = [];
  const processor = {
    onStart: () => undefined, onEnd: () => undefined, forceFlush: async () => void calls.push('forceFlush'), shutdown: async () => void calls.push('shutdown'),
  };
  const { taskspan } = await started({ spanProcessors: [processor] });
  runTask('Task', () => undefined);
  await taskspan.flush();
  await taskspan.close();
  expect(calls).toEqual(['forceFlush', 'shutdown']);
});

test("options for spans that another provider does not heed are in `failures`, once it is known", async () => {
  const reports = diagnosed();
  theirs().provider.register();
  const { taskspan } = await started({ endpoint: 'http://127.0.0.1:9' });
  expect(taskspan.failures).toEqual([]);
  runTask('Task', () => undefined);
  const message = "spans are made by another OpenTelemetry provider than taskspan's: not used for them: endpoint, spanProcessors";
  expect(taskspan.failures).toMatchObject([{ message }]);
  expect(reports).toContain(`taskspan: ${message}`);
});
