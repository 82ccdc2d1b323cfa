import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { FollowedRecord } from '../collector/server/live/event-reader.ts';
import { startSteppingTask, startStreamServer } from '../collector/server/streaming-processes.ts';
import { startServer } from '../collector/cli/task-processes.ts';
import { recordsOf, storeIn } from '../collector/runtime/script.ts';
import { UUID } from '../collector/record/scripted-task.ts';
import { temporaryFolder } from '../support/node-process.ts';
import { describeWithBrowser, startPage, startProxy } from './browser-and-proxy.ts';

const PATH = `/tasks/${UUID}/events`;

/** What the page's own EventSource has received, and how its connection is: 0 connecting, 1 open, 2 closed. */
interface Received {
  events: { event: string; data: string }[];
  readyState: number;
}

/** A page of the server itself that follows the task, begun where a person would open it. */
async function pageWith(url: string): Promise<{ received: () => Promise<Received> }> {
  const page = await startPage();
  await page.goto(`${url}/tasks/${UUID}`);
  await page.evaluate(`
    globalThis.events = [];
    globalThis.source = new EventSource('${PATH}');
    for (const event of ['record', 'change', 'end']) source.addEventListener(event, ({ data }) => events.push({ event, data }));
  `);
  return { received: () => page.evaluate('({ events, readyState: source.readyState })') };
}

/** Ends the task, and checks that the record built from the events is the record in the store. */
async function expectWhole(folder: string, received: () => Promise<Received>): Promise<void> {
  await expect.poll(async () => (await received()).events.at(-1)?.event).toBe('end');
  const client = new FollowedRecord();
  const { events } = await received();
  for (const event of events) client.take(event);
  expect(client.record).toEqual((await recordsOf(storeIn(folder))).get('stepping'));
  expect(events.filter(({ event }) => event === 'record')).toHaveLength(1);
  // The browser reconnects once more, and the answer 204 ends its attempts.
  await expect.poll(async () => (await received()).readyState).toBe(2);
}

describeWithBrowser("a browser's EventSource", () => {
  test('has the record of a task as it is, though its server was killed meanwhile', async () => {
    const folder = await temporaryFolder();
    const task = await startSteppingTask(folder, UUID);
    const server = await startStreamServer(folder);
    const { received } = await pageWith(server.url);
    const count = async (): Promise<number> => (await received()).events.length;
    await expect.poll(count).toBeGreaterThan(5);
    server.process.kill('SIGKILL');
    await server.process.ended;
    await expect.poll(async () => (await received()).readyState).toBe(0);
    const before = await count();
    await startStreamServer(folder, Number(new URL(server.url).port));
    await expect.poll(count).toBeGreaterThan(before + 5);
    await writeFile(`${folder}/stop`, '');
    await task.ended;
    await expectWhole(folder, received);
  });

  test('is asked for the token of a server, and sends it for a stream too', async () => {
    const folder = await temporaryFolder();
    const task = await startSteppingTask(folder, UUID);
    const token = 'a-secret-of-this-server';
    const { url } = await startServer(folder, { env: { TASKSPAN_TOKEN: token } });
    const { received } = await pageWith(url.replace('//', `//anybody:${token}@`));
    await expect.poll(async () => (await received()).events.length).toBeGreaterThan(5);
    await writeFile(`${folder}/stop`, '');
    await task.ended;
    await expectWhole(folder, received);
    // As a client without a person who could enter the token.
    const other = await startPage();
    await expect(other.goto(`${url}/tasks/${UUID}`)).rejects.toThrow('ERR_INVALID_AUTH_CREDENTIALS');
  });

  test('has it live through nginx with its default settings, and so has curl', async () => {
    const folder = await temporaryFolder();
    const task = await startSteppingTask(folder, UUID);
    const server = await startStreamServer(folder);
    const url = await startProxy(folder, server.url);
    const curl = spawn('curl', ['-sSN', `${url}/tasks/${UUID}/log?follow=1`]);
    const curlEnded = once(curl, 'close');
    onTestFinished(() => void curl.kill());
    let printed = '';
    curl.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
    const { received } = await pageWith(url);
    // The task goes on until it gets a command to stop: what came up to then was not buffered on its way.
    await expect.poll(async () => (await received()).events.length).toBeGreaterThan(10);
    await expect.poll(() => printed.split('\n').length).toBeGreaterThan(10);
    await writeFile(`${folder}/stop`, '');
    await task.ended;
    await expectWhole(folder, received);
    expect(await curlEnded).toEqual([0, null]);
    expect(printed).toBe((await recordsOf(storeIn(folder))).get('stepping')!.log);
  });
});
