import { once } from 'node:events';
import { Agent, request, Server, type IncomingMessage, type RequestOptions, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { Socket, TcpNetConnectOpts } from 'node:net';
import { networkInterfaces } from 'node:os';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { serveTasks, type ServeTasksOptions, type TasksServer } from '../../../collector/server/serve-tasks.ts';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import { memoryStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import { ScriptedTask } from '../record/scripted-task.ts';
import { EventReader } from './live/event-reader.ts';
import { freePort } from '../../support/free-port.ts';
import { plainStore, plainTask, UUID } from './plain-store.ts';

const LOG = `${'✓ line'.repeat(100)}\n`.repeat(2000);

/** A server that is closed when the test is over. */
async function served(options: Partial<ServeTasksOptions> = {}): Promise<TasksServer> {
  const app = createTasksApp({ store: plainStore(plainTask({ log: LOG })) });
  const server = await serveTasks({ app, port: 0, ...options });
  onTestFinished(() => server.close());
  return server;
}

function ask(url: string, options: RequestOptions & Pick<TcpNetConnectOpts, 'autoSelectFamily'> = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(url, options, resolve).on('error', reject).end();
  });
}

async function textOf(message: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of message.setEncoding('utf8')) text += String(chunk);
  return text;
}

/** What comes back for a request that is written as it goes over the wire. */
async function answerTo(url: string, text: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.end(text);
  let answer = '';
  for await (const chunk of socket.setEncoding('utf8')) answer += String(chunk);
  return answer;
}

const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));

describe('a served app', () => {
  test('is on 127.0.0.1, with port 0 on a free port', async () => {
    const { url } = await served();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
    const response = await fetch(`${url}/tasks/${UUID}`);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ task_uuid: UUID });
  });

  test.each(['localhost', '127.0.0.2'])('can be on %s', async (host) => {
    const { url } = await served({ host });
    expect(url).toMatch(new RegExp(`^http://${host}:\\d+$`));
    // By the first address of the name, as the server has it: a client that tries all of them gives each only 250 ms.
    const answer = await ask(`${url}/healthz`, { autoSelectFamily: false });
    expect(answer.statusCode).toBe(200);
    await textOf(answer);
  });

  test.skipIf(!hasIpv6).each(['::1', '[::1]'])('can be on %s', async (host) => {
    const { url } = await served({ host });
    expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  test('with a token can be on every address', async () => {
    const app = createTasksApp({ store: plainStore(plainTask()), access: { token: 'x'.repeat(16) } });
    const { url } = await served({ app, host: '0.0.0.0', isProtected: true });
    expect(url).toMatch(/^http:\/\/0\.0\.0\.0:\d+$/);
    expect((await fetch(`${url}/tasks`)).status).toBe(401);
    expect((await fetch(`${url}/tasks`, { headers: { Authorization: `Bearer ${'x'.repeat(16)}` } })).status).toBe(200);
  });

  test('sends a long log whole', async () => {
    const { url } = await served();
    const response = await fetch(`${url}/tasks/${UUID}`, { headers: { Accept: 'text/plain' } });
    expect(response.headers.get('Content-Length')).toBe(String(Buffer.byteLength(LOG)));
    expect((await response.text()) === LOG).toBe(true);
  });

  test('answers HEAD and 304 without a body', async () => {
    const { url } = await served();
    const head = await ask(`${url}/tasks/${UUID}`, { method: 'HEAD', headers: { Accept: 'text/plain' } });
    expect(await textOf(head)).toBe('');
    expect(head.headers['content-length']).toBe(String(Buffer.byteLength(LOG)));
    const headers = { Accept: 'text/plain', 'If-None-Match': head.headers.etag! };
    const unchanged = await ask(`${url}/tasks/${UUID}`, { headers });
    expect(unchanged.statusCode).toBe(304);
    expect(await textOf(unchanged)).toBe('');
  });

  test('refuses a foreign name that points at it', async () => {
    const { url } = await served();
    const response = await ask(`${url}/tasks`, { headers: { Host: 'evil.example' } });
    expect(response.statusCode).toBe(403);
    expect(response.headers['content-type']).toBe('application/problem+json');
  });

  test.each(['/healthz', '/readyz', '/tasks'])('answers %s by HTTP/1.0 without Host, as health checks ask', async (path) => {
    const { url } = await served({ app: createTasksApp({ store: memoryStore() }) });
    expect(await answerTo(url, `GET ${path} HTTP/1.0\r\n\r\n`)).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('answers health checks by HTTP/1.0 on every address, and asks for the token elsewhere', async () => {
    const app = createTasksApp({ store: memoryStore(), access: { token: 'x'.repeat(16) } });
    const { url } = await served({ app, host: '0.0.0.0', isProtected: true });
    expect(await answerTo(url, 'GET /readyz HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
    expect(await answerTo(url, 'GET /tasks HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 401 /);
  });

  test('answers a request with an invalid host with what is wrong', async () => {
    const { url } = await served();
    const answer = await answerTo(url, 'GET /tasks HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('application/problem+json');
  });

  test('cuts the connection, without the cause, when the store fails half way through a log', async () => {
    const printed = vi.spyOn(console, 'error').mockReturnValue();
    onTestFinished(() => printed.mockRestore());
    const store = plainStore(plainTask({ log: LOG }));
    const read = store.log.bind(store);
    store.log = async (uuid, range) => {
      if (range?.from !== 0) throw new Error('password=hunter2 refused');
      return read(uuid, range);
    };
    const { url } = await served({ app: createTasksApp({ store }) });
    const response = await ask(`${url}/tasks/${UUID}`, { headers: { Accept: 'text/plain' } });
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    const [error] = await once(response, 'error');
    expect(error).toMatchObject({ code: 'ECONNRESET' });
    expect(LOG.startsWith(text)).toBe(true);
  });

  test('is a 500 without a word of the error when the app throws', async () => {
    const { url } = await served({ app: { fetch: () => Promise.reject(new Error('hunter2')) } });
    const response = await fetch(`${url}/tasks`);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('hunter2');
  });
});

describe('serving fails', () => {
  test.each(['0.0.0.0', '::', '192.168.1.2', 'tasks.example', '127.0.0.1.example', ''])('on "%s", which is not this machine alone', async (host) => {
    const serving = served({ host });
    await expect(serving).rejects.toThrow(RangeError);
    await expect(serving).rejects.toThrow(
      `expected a loopback address such as 127.0.0.1, got "${host}"; any other address needs a token: set TASKSPAN_TOKEN; ` +
        'or "access.guarded", where something in front decides who may ask',
    );
  });

  test('on an empty address, whatever the options are', async () => {
    await expect(served({ host: '', isProtected: true })).rejects.toThrow(RangeError);
  });

  test.each([-1, 65_536, 1.5, Number.NaN])('on the invalid port %d', async (port) => {
    await expect(served({ port })).rejects.toThrow(RangeError);
  });

  test('on a port that is taken, with that reason', async () => {
    const port = Number(new URL((await served()).url).port);
    await expect(served({ port })).rejects.toMatchObject({
      message: `port ${port} on 127.0.0.1 is taken by another server`,
      code: 'EADDRINUSE',
    });
  });
});

describe('closing', () => {
  test('frees the port', async () => {
    const port = await freePort();
    const first = await served({ port });
    await first.close();
    await expect(fetch(first.url)).rejects.toThrow('fetch failed');
    expect((await served({ port })).url).toBe(first.url);
  });

  test('does not wait for a client that keeps its connection', async () => {
    const server = await served();
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    const response = await ask(`${server.url}/healthz`, { agent });
    const cut = once(response.socket, 'close');
    await textOf(response);
    await server.close();
    await cut;
  });

  test('lets an answer that is on its way arrive, and then ends at once', async () => {
    // Nothing but the end of the answer closes the connection: neither the limit for what is open, nor that for idle ones.
    const cutOff = vi.spyOn(Server.prototype, 'closeAllConnections').mockReturnValue();
    onTestFinished(() => cutOff.mockRestore());
    const answer = Promise.withResolvers<Response>();
    const asked = Promise.withResolvers<void>();
    const fetchLate: ServeTasksOptions['app']['fetch'] = (_, env) => {
      ((env as { incoming: IncomingMessage }).incoming.socket as Socket & { server: Server }).server.keepAliveTimeout = 0;
      asked.resolve();
      return answer.promise;
    };
    const server = await served({ app: { fetch: fetchLate } });
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    const response = ask(server.url, { agent });
    await asked.promise;
    const closed = server.close();
    answer.resolve(new Response('late'));
    expect(await textOf(await response)).toBe('late');
    await closed;
  });

  test('cuts off a request that does not end', async () => {
    const asked = Promise.withResolvers<void>();
    const never = (): Promise<Response> => {
      asked.resolve();
      return new Promise(() => {});
    };
    const server = await served({ app: { fetch: never } });
    const response = ask(server.url);
    await asked.promise;
    await Promise.all([server.close(), expect(response).rejects.toThrow('socket hang up')]);
  });

  test('may be called twice', async () => {
    const server = await served();
    await Promise.all([server.close(), server.close()]);
    await server.close();
  });
});

describe('a client that takes nothing', () => {
  test('of a log, or of one that it follows, is disconnected, and an idle stream is not', async () => {
    const store = memoryStore();
    const task = new ScriptedTask(UUID);
    const attempt = task.attempt();
    for (let line = 0; line < 200; line++) attempt.notify('x'.repeat(60_000));
    await store.append(task.facts);
    const app = createTasksApp({ store });
    const ended: Promise<unknown>[] = [];
    const fetchAnswer: ServeTasksOptions['app']['fetch'] = (incoming, env) => {
      const { outgoing } = env as { outgoing: ServerResponse };
      ended.push(new Promise((resolve) => outgoing.once('close', resolve)));
      return app.fetch(incoming, env);
    };
    // A connection whose request has not come yet has the same time: it has to be long enough for a busy machine.
    const { url } = await served({ app: { fetch: fetchAnswer }, stallMs: 1000 });
    const idle = new EventReader(await fetch(`${url}/tasks/events`));
    await idle.next();
    const reads = vi.spyOn(store, 'log');
    for (const path of [`/tasks/${UUID}/log`, `/tasks/${UUID}/log?follow=1`]) {
      const stalled = connect(Number(new URL(url).port), '127.0.0.1');
      onTestFinished(() => void stalled.destroy());
      // That it is cut off may be an error to it, as it comes.
      stalled.on('error', () => undefined);
      stalled.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      await new Promise((resolve) => stalled.once('readable', resolve));
    }
    const [, ...ofStalled] = ended;
    expect(ofStalled).toHaveLength(2);
    await Promise.all(ofStalled);
    // Only what the system keeps for a connection of its own accord was sent, and no more of the log was read.
    expect(reads.mock.calls.length).toBeLessThan(2 * 48);
    await store.append(task.during(() => attempt.notify('still there')));
    expect(JSON.parse((await idle.next())!.data)).toMatchObject({ task_uuid: UUID });
  });
});
