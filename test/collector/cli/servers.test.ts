/** The command and servers that it can't trust, can't reach any more, or reaches with a password. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startCommand, temporaryFolder } from '../../support/node-process.ts';
import { command, UUID } from './task-processes.ts';

interface TestServer {
  host: string;
  /** Ends it and breaks its connections. */
  kill: () => Promise<void>;
}

async function serve(answer: RequestListener): Promise<TestServer> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const kill = async (): Promise<void> => {
    if (!server.listening) return;
    server.closeAllConnections();
    await server[Symbol.asyncDispose]();
  };
  onTestFinished(kill);
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, kill };
}

const CONTROL = '\u{1b}]0;taken over\u{7}\u{9b}31m\u{202e}';
// oxlint-disable-next-line no-control-regex -- these are what must not reach the terminal
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

/** A record in which every text could control a terminal. */
function hostileRecord(): Record<string, unknown> {
  return {
    task_name: CONTROL, task_uuid: `${UUID}${CONTROL}`, start: CONTROL, end: CONTROL, exception: CONTROL, finished: true, status: 0,
    log: `${CONTROL}\n`, state: `failed${CONTROL}`, attempt: 1, jobs: { total: CONTROL, finished: CONTROL, failed: 1, running: 0 },
    progress: null, current: { name: CONTROL, span_id: CONTROL, done: CONTROL, total: CONTROL, share: null }, result: { [CONTROL]: CONTROL }, attributes: { [CONTROL]: CONTROL }, parent_task_uuid: CONTROL, trace_id: CONTROL,
    updated: CONTROL, heard: CONTROL, busy_since: null, version: 1, log_offset: 0, log_bytes: 10, cancellable: false,
  };
}

describe('a server is not trusted with the terminal', () => {
  test.each([
    ['list', ['list']],
    ['list --json', ['list', '--json']],
    ['show', ['show', UUID]],
    ['show --json', ['show', UUID, '--json']],
    ['show --log', ['show', UUID, '--log']],
    ['tail', ['tail', UUID]],
    ['tail --json', ['tail', UUID, '--json']],
  ])('by %s', async (_, args) => {
    const { host } = await serve((request, response) => {
      const { pathname } = new URL(request.url!, 'http://localhost');
      const record = hostileRecord();
      if (pathname === '/tasks') response.end(JSON.stringify({ tasks: [record], next: null }));
      else if (pathname.endsWith('/scopes')) response.end(JSON.stringify({ scopes: [{ attempt: 1, scopes: [] }] }));
      else if (pathname.endsWith('/log')) response.end(record['log']);
      else if (pathname.endsWith('/events')) {
        response.setHeader('Content-Type', 'text/event-stream');
        response.end(`event: record\nid: 1\ndata: ${JSON.stringify(record)}\n\nevent: end\ndata: {"version":1,"state":"failed"}\n\n`);
      } else response.end(JSON.stringify(record));
    });
    const { stdout, stderr } = await command(...args, '--url', `http://${host}`);
    expect(stdout).not.toBe('');
    expect([CONTROLS.exec(stdout)?.[0], CONTROLS.exec(stderr)?.[0]]).toEqual([undefined, undefined]);
  });

  test('by the reason of a refusal', async () => {
    const { host } = await serve((_request, response) => {
      response.writeHead(409, { 'Content-Type': 'application/problem+json' }).end(JSON.stringify({ detail: `no ${CONTROL}` }));
    });
    const { code, stderr } = await command('cancel', UUID, '--url', `http://${host}`);
    expect([code, stderr.startsWith('taskspan: no ␛]0;'), CONTROLS.exec(stderr)?.[0]]).toEqual([1, true, undefined]);
  });
});

describe('user and password of a URL', () => {
  test('are sent, and never printed', async () => {
    const asked: (string | undefined)[] = [];
    const server = await serve((request, response) => {
      asked.push(request.headers.authorization);
      response.end('{"tasks":[],"next":null}');
    });
    const url = `http://me:a%20secret@${server.host}`;
    expect(await command('list', '--url', url)).toMatchObject({ code: 0, stderr: 'no tasks\n' });
    expect(asked).toEqual([`Basic ${Buffer.from('me:a secret').toString('base64')}`]);
    await server.kill();
    expect(await command('list', '--url', url)).toMatchObject({
      code: 1,
      stderr: `taskspan: http://${server.host} can't be reached: nothing listens there\n`,
    });
  });

  test.each([
    ['an invalid --url', ['list', '--url', 'http://me:secret@host?token=secret']],
    ['an invalid task', ['show', 'http://me:secret@host/tasks/none?token=secret']],
    ['a store', ['list', '--store', 'postgres://me:secret@host/db?password=secret']],
    ['an endpoint', ['run', '--store', 'new.sqlite', '--', 'true'], { TASKSPAN_ENDPOINT: 'http://me:secret@127.0.0.1:4318' }],
  ])('are not printed with %s', async (_, args, env: Record<string, string> = {}) => {
    const { stdout, stderr } = await startCommand(args, { cwd: await temporaryFolder(), env }).ended;
    expect(stderr).toMatch(/:\/\//);
    expect(stdout + stderr).not.toContain('secret');
  });
});

test('tail gives up a server that is gone for longer than --timeout, with 6', async () => {
  const record = { ...hostileRecord(), task_name: 'Import', state: 'running', finished: false, log: '\tone\n' };
  const { host, kill } = await serve((_request, response) => {
    response.setHeader('Content-Type', 'text/event-stream');
    response.write(`event: record\nid: 1\ndata: ${JSON.stringify(record)}\n\n`);
  });
  const tail = startCommand(['tail', UUID, '--url', `http://${host}`, '--timeout', '1s'], { cwd: await temporaryFolder() });
  await tail.printed(/one/);
  await kill();
  const { code, stdout, stderr } = await tail.ended;
  expect({ code, stdout }).toEqual({ code: 6, stdout: '\tone\n' });
  expect(stderr).toMatch(/^taskspan: .*; trying again\ntaskspan: http:\S+ can't be reached: nothing listens there; tried for 1\.0s\n$/);
});

test.each(['soon', '5 minutes', '-1s', ''])('tail takes no --timeout %o', async (timeout) => {
  const { code, stderr } = await command('tail', UUID, '--timeout', timeout);
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: `error: option '--timeout <time>' argument '${timeout}' is invalid. Expected a time such as 30s, 5m or 1h, or 0 for no limit.\n`,
  });
});
