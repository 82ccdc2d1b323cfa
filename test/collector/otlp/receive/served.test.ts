import { request } from 'node:http';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../../../support/node-process.ts';
import { startServer } from '../../cli/task-processes.ts';
import { UUID } from '../../record/scripted-task.ts';
import { SEED_LOG, seedExample } from '../../record/seed-example.ts';
import { MEDIA_TYPES, spansOf, traceBody } from './otlp-bodies.ts';

const TOKEN = 'a-token-that-is-long-enough';
const body = traceBody('protobuf', spansOf(seedExample().facts));
const headers = { 'Content-Type': MEDIA_TYPES.protobuf };

async function serve(env: Record<string, string> = {}): Promise<string> {
  return (await startServer(await temporaryFolder(), { env })).url;
}

it('taskspan serve receives what other processes send, counts it, and serves it', async () => {
  const url = await serve();
  expect((await fetch(`${url}/v1/traces`, { method: 'POST', headers, body })).status).toBe(200);
  expect(await (await fetch(`${url}/tasks/${UUID}`, { headers: { Accept: 'text/plain' } })).text()).toBe(SEED_LOG);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toContain('taskspan_received_requests_total{signal="traces",status="200"} 1');
  expect(metrics).toMatch(/^taskspan_received_facts_total [1-9]/m);
  expect(metrics).toMatch(/^taskspan_facts_committed_total [1-9]/m);
  expect((await fetch(`${url}/v1/metrics`, { method: 'POST', headers, body })).status).toBe(200);
}, 60_000);

it('with a token nothing is taken without it', async () => {
  const url = await serve({ TASKSPAN_TOKEN: TOKEN });
  const post = (more: Record<string, string> = {}): Promise<Response> => fetch(`${url}/v1/traces`, { method: 'POST', headers: { ...headers, ...more }, body });
  const refused = await post();
  expect([refused.status, refused.headers.get('Content-Type')]).toEqual([401, MEDIA_TYPES.protobuf]);
  expect(refused.headers.get('WWW-Authenticate')).toMatch(/Bearer/);
  expect((await post({ Authorization: `Bearer ${TOKEN}` })).status).toBe(200);
}, 60_000);

it('limits come from the environment', async () => {
  const url = await serve({ TASKSPAN_RECEIVE_MAX_BODY_BYTES: '1024' });
  expect((await fetch(`${url}/v1/traces`, { method: 'POST', headers, body })).status).toBe(413);
}, 60_000);

it('a host of another name may not send', async () => {
  const url = await serve();
  const status = await new Promise((resolve, reject) => {
    const sent = request(`${url}/v1/traces`, { method: 'POST', headers: { ...headers, Host: 'tasks.example' } }, (answer) => {
      resolve(answer.statusCode);
      answer.resume();
    });
    sent.on('error', reject).end(body);
  });
  expect(status).toBe(403);
}, 60_000);
