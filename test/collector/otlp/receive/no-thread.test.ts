import { diag, DiagLogLevel } from '@opentelemetry/api';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createReceiver, memoryStore } from '../../../../collector/index.ts';
import { ScriptedTask, UUID } from '../../record/scripted-task.ts';
import { factsBody, MEDIA_TYPES } from './otlp-bodies.ts';

vi.mock('node:worker_threads', async (original) => ({
  ...(await original<object>()),
  Worker: vi.fn(function noThread() {
    throw new Error('threads are not allowed here');
  }),
}));

it('where no thread can be started, long bodies are read all the same, and that is reported once', async () => {
  const warnings: string[] = [];
  const ignore = (): void => {};
  diag.setLogger({ error: ignore, warn: (line) => void warnings.push(line), info: ignore, debug: ignore, verbose: ignore }, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  onTestFinished(() => diag.disable());
  const task = new ScriptedTask();
  const attempt = task.attempt();
  for (let line = 0; line < 5000; line++) attempt.notify(`line ${line}`);
  attempt.complete();
  const body = factsBody('json', task.facts);
  expect(body.length).toBeGreaterThan(1024 * 1024);
  const store = memoryStore();
  const app = createReceiver({ store });
  for (let delivery = 0; delivery < 2; delivery++) {
    expect((await app.request('/v1/logs', { method: 'POST', body, headers: { 'Content-Type': MEDIA_TYPES.json } })).status).toBe(200);
  }
  expect((await store.log(UUID))!.text.split('\n').length).toBe(5002);
  expect(warnings).toEqual([expect.stringMatching(/^taskspan: no thread can be started for long bodies: .*: threads are not allowed here/)]);
});
