/** Spans as OpenTelemetry's own SDKs and tools send them, straight to `taskspan serve`. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startProgram, temporaryFolder } from '../support/node-process.ts';
import { answersOf } from './answers-of.ts';
import { describeWithPeers, peerPath } from './peers.ts';
import { describeWithPythonPeers, pythonPeers } from './python.ts';
import { startServing } from './serving.ts';
import type { Serving } from './serving.ts';

const SCRIPT = fileURLToPath(new URL('../peers/python/sdk_spans.py', import.meta.url));

const LOG = `\
\t - Count to three
\tone, two, three
\t\tSuccessfully completed
\t\tTime spent: 0h0m
\tTask Finished - 1 out of 1 jobs finished
`;

/** Runs a program against its own server until it has sent all and exited with 0. */
async function serveWhile(program: string, args: readonly string[]): Promise<Serving> {
  const folder = await temporaryFolder();
  const serving = await startServing(folder);
  const { code, stderr } = await startProgram(program, args, { cwd: folder, env: { OTEL_EXPORTER_OTLP_ENDPOINT: serving.url } }).ended;
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  return serving;
}

const COMPLETED = { state: 'completed', status: 1, finished: true, log: LOG, facts_missing: 0, jobs: { total: 1, finished: 1, failed: 0, running: 0 } };

describeWithPythonPeers('the SDK for Python', () => {
  test('reports a task by the attributes of its spans', async () => {
    const uuid = randomUUID();
    const serving = await serveWhile(join(pythonPeers(), 'bin/python'), [SCRIPT, uuid]);
    expect(await serving.record(uuid)).toMatchObject({ ...COMPLETED, task_uuid: uuid, task_name: 'Count in Python' });
  });
});

describeWithPeers('the SDK for Go', () => {
  test('reports a task by the attributes of its spans', async () => {
    const uuid = randomUUID();
    const serving = await serveWhile(peerPath('go-sdk'), [uuid]);
    expect(await serving.record(uuid)).toMatchObject({ ...COMPLETED, task_uuid: uuid, task_name: 'Count in Go' });
  });
});

describeWithPeers('telemetrygen', () => {
  test.each(['traces', 'logs'])("has its %s accepted, and they make no task", async (signal) => {
    const folder = await temporaryFolder();
    const serving = await startServing(folder);
    const endpoint = ['--otlp-http', '--otlp-insecure', '--otlp-endpoint', new URL(serving.url).host];
    const { code, stderr } = await startProgram(peerPath('telemetrygen'), [signal, ...endpoint, '--rate', '0', `--${signal}`, '20'], { cwd: folder }).ended;
    expect(code, stderr).toBe(0);
    expect(await serving.names()).toEqual([]);
    expect(Object.keys(await answersOf(serving.url, signal))).toEqual(['200']);
  });
});
