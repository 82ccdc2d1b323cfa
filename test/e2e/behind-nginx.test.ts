import { request } from 'node:http';
import { expect, test } from 'vitest';
import { startServer, startTicking, UNKNOWN, UUID } from '../collector/cli/task-processes.ts';
import { blocksOf } from '../house/code-blocks.ts';
import { temporaryFolder } from '../support/node-process.ts';
import { describeWithBrowser, startPage, startProxy } from './browser-and-proxy.ts';

/** The nginx settings of docs/frameworks.md: they pass `Host` on, and send the prefix. */
const [HANDS_ON = '', PREFIXED = ''] = blocksOf('docs/frameworks.md', 'nginx');

const before = (location: string, upstream: string): string => location.replace('http://127.0.0.1:4320', upstream);

/** A request to cancel as a browser sends it that asks nginx for a name: its status, and the answer. */
function cancelAs(url: string, name: string, path = `/tasks/${UNKNOWN}/cancel`): Promise<{ status: number; answer: Record<string, string> }> {
  const headers = { Host: name, Origin: `https://${name}`, 'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Mode': 'cors' };
  return new Promise((resolve, reject) => {
    const sent = request(url + path, { method: 'POST', headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode!, answer: JSON.parse(text) as Record<string, string> }));
    });
    sent.on('error', reject).end();
  });
}

describeWithBrowser('a server behind nginx', () => {
  test('takes a cancellation from a page under a prefix, which follows its task there', async () => {
    const folder = await temporaryFolder();
    const task = await startTicking(folder);
    const server = await startServer(folder, { env: { TASKSPAN_TRUST_PROXY: 'true' } });
    const url = await startProxy(folder, server.url, before(PREFIXED, server.url));
    const page = await startPage();
    await page.goto(`${url}/jobs/tasks/${UUID}`);
    await page.evaluate(`
      void (globalThis.ended = new Promise((resolve) => {
        new EventSource('${UUID}/events').addEventListener('end', ({ data }) => resolve(JSON.parse(data).state));
      }));
    `);
    const answer = await page.evaluate(`
      fetch('${UUID}/cancel', { method: 'POST' }).then(async (response) => ({ status: response.status, url: (await response.json()).url }))
    `);
    expect(answer).toEqual({ status: 202, url: `${url}/jobs/tasks/${UUID}` });
    expect(await page.evaluate('ended')).toBe('cancelled');
    expect(await task.ended).toMatchObject({ code: 0 });
  });

  test('takes a cancellation from a page that nginx serves by TLS, and answers with URLs of that page', async () => {
    const folder = await temporaryFolder();
    await startTicking(folder);
    const env = { TASKSPAN_TRUST_PROXY: 'true', TASKSPAN_ALLOWED_HOSTS: 'tasks.example' };
    const server = await startServer(folder, { env });
    const url = await startProxy(folder, server.url, before(PREFIXED.replace('$scheme', 'https'), server.url));
    const path = `/jobs/tasks/${UUID}/cancel`;
    expect(await cancelAs(url, 'tasks.example', path)).toEqual({
      status: 202,
      answer: { task_uuid: UUID, url: `https://tasks.example/jobs/tasks/${UUID}` },
    });
    expect(await cancelAs(url, 'evil.example', path)).toMatchObject({ status: 403, answer: { detail: expect.stringContaining('"allowedHosts"') } });
  });

  // `$server_port` is 443 where nginx ends TLS itself, and 80 where something before it does.
  test.each([
    ['$host:$server_port', 'tasks.example:PORT'], ['$host:443', 'tasks.example'], ['$host:80', 'tasks.example'], ['$http_host', 'tasks.example:PORT'],
    ['$host', 'tasks.example'],
  ])('needs no trustProxy where nginx hands on Host as %s', async (host, name) => {
    const folder = await temporaryFolder();
    const server = await startServer(folder, { env: { TASKSPAN_ALLOWED_HOSTS: 'tasks.example' } });
    const url = await startProxy(folder, server.url, before(HANDS_ON.replace('$http_host', host), server.url));
    // Past the check: there is no such task.
    expect(await cancelAs(url, name.replace('PORT', new URL(url).port))).toMatchObject({ status: 404 });
    expect(await cancelAs(url, 'evil.example')).toMatchObject({ status: 403 });
  });

  test('names trustProxy to a page where nginx has its default settings', async () => {
    const folder = await temporaryFolder();
    const server = await startServer(folder);
    const url = await startProxy(folder, server.url);
    expect(await cancelAs(url, 'tasks.example')).toMatchObject({ status: 403, answer: { detail: expect.stringContaining('"trustProxy"') } });
  });
});
