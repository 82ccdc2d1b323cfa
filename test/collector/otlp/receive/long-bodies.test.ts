import { expect, it, vi } from 'vitest';
import { createReceiver, memoryStore } from '../../../../collector/index.ts';
import type { TaskStore } from '../../../../collector/index.ts';
import { slicesOf, SLICE_FACTS } from '../../../../collector/otlp/receive/readers.ts';
import type { Fact } from '../../../../src/fact.ts';
import { ScriptedTask, UUID } from '../../record/scripted-task.ts';
import { ENCODINGS, factsBody, MEDIA_TYPES } from './otlp-bodies.ts';
import type { Encoding } from './otlp-bodies.ts';

const OTHER = 'b9ec0000-0000-4000-8000-000000000000';
const LINES = 6000;

/** Two tasks whose facts come in turn; the body is longer than 1 MiB. */
function longTasks(): Fact[] {
  const task = new ScriptedTask();
  const attempt = task.attempt();
  for (let line = 0; line < LINES; line++) attempt.notify(`line ${line} of many`);
  attempt.complete();
  return task.facts.flatMap((fact): Fact[] => [fact, { ...fact, span: { ...fact.span, taskUuid: OTHER } }]);
}

function post(store: TaskStore, encoding: Encoding, body: Uint8Array<ArrayBuffer>): Promise<Response> {
  return Promise.resolve(createReceiver({ store }).request('/v1/logs', { method: 'POST', body, headers: { 'Content-Type': MEDIA_TYPES[encoding] } }));
}

it.each(ENCODINGS)('a long body in %s is stored in slices, the log in the order of its times', async (encoding) => {
  const store = memoryStore();
  const append = vi.spyOn(store, 'append');
  const body = factsBody(encoding, longTasks().toReversed());
  expect(body.length).toBeGreaterThan(1024 * 1024);
  const response = await post(store, encoding, body);
  expect([response.status, (await response.text()).length]).toEqual([200, encoding === 'json' ? 2 : 0]);
  const sizes = append.mock.calls.map(([facts]) => facts.length);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(SLICE_FACTS);
  const log = Array.from({ length: LINES }, (_, line) => `\tline ${line} of many\n`).join('') + '\tTask Finished\n';
  expect((await store.log(UUID))!.text).toBe(log);
  expect((await store.log(OTHER))!.text).toBe(log);
}, 60_000);

it('a long body that is malformed, or that the store does not take, is answered as a short one', async () => {
  const store = memoryStore();
  const json = factsBody('json', longTasks());
  const malformed = await post(store, 'json', json.slice(0, -1));
  expect([malformed.status, await malformed.json()]).toEqual([400, { code: 3, message: 'the body can not be read: no JSON' }]);
  store.append = () => Promise.reject(new Error('disk I/O error'));
  expect((await post(store, 'json', json)).status).toBe(503);
}, 60_000);

it('what of a long body is rejected is counted, and heartbeats are stored', async () => {
  const store = memoryStore();
  const beat = vi.spyOn(store, 'beat');
  const [first, ...rest] = longTasks();
  const body = factsBody('json', [{ ...first!, span: { ...first!.span, traceId: '0'.repeat(32) } }, ...rest]);
  const heartbeat = { eventName: 'taskspan.beat', timeUnixNano: '1767323045000000000', attributes: [
    { key: 'taskspan.worker.id', value: { stringValue: 'w' } }, { key: 'taskspan.worker.interval_ms', value: { intValue: 5000 } },
  ] };
  const request = JSON.parse(Buffer.from(body).toString()) as { resourceLogs: unknown[] };
  request.resourceLogs.push({ scopeLogs: [{ logRecords: [heartbeat] }] });
  const response = await post(store, 'json', new TextEncoder().encode(JSON.stringify(request)));
  expect(await response.json()).toEqual({ partialSuccess: { rejectedLogRecords: '1', errorMessage: expect.stringMatching(/^taskspan.start of span [0-9a-f]{16}: expected a trace id of 16 bytes and a span id of 8, not all zeros$/) } });
  expect(beat).toHaveBeenCalledOnce();
});

it('slices have a bounded number of facts and of bytes', () => {
  const [start, , first] = longTasks();
  const facts = (message: string, count: number): Fact[] => Array.from({ length: count }, (_, at) => ({ ...(first as Fact & { kind: 'notification' }), seq: at + 1, message }));
  expect(slicesOf(facts('x', 2500)).map(({ facts: { length } }) => length)).toEqual([1000, 1000, 500]);
  expect(slicesOf(facts('x'.repeat(200_000), 7)).map(({ facts: { length } }) => length)).toEqual([2, 2, 2, 1]);
  expect(slicesOf([start!]).length).toBe(1);
  expect(slicesOf([])).toEqual([]);
});
