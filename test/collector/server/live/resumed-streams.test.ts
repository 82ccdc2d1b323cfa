import { writeFile } from 'node:fs/promises';
import { EventSource } from 'eventsource';
import { expect, onTestFinished, test } from 'vitest';
import type { TaskSummary } from '../../../../src/task-record.ts';
import { temporaryFolder } from '../../../support/node-process.ts';
import { recordsOf, stepsIn, storeIn } from '../../runtime/script.ts';
import { UUID } from '../../record/scripted-task.ts';
import { FollowedRecord } from './event-reader.ts';
import { freePort } from '../../../support/free-port.ts';
import { startSteppingTask, startStreamServer } from '../streaming-processes.ts';

test('an EventSource whose server is killed again and again misses nothing and gets nothing twice', async () => {
  const folder = await temporaryFolder();
  const task = await startSteppingTask(folder, UUID);
  const port = await freePort();
  let server = await startStreamServer(folder, port);
  const client = new FollowedRecord();
  const list: TaskSummary[] = [];
  const failures: unknown[] = [];
  let records = 0;

  const source = new EventSource(`${server.url}/tasks/${UUID}/events`);
  const all = new EventSource(`${server.url}/tasks/events?after=0`);
  onTestFinished(() => {
    source.close();
    all.close();
  });
  for (const name of ['record', 'change', 'end']) {
    source.addEventListener(name, (event) => {
      if (name === 'record') records++;
      try {
        client.take({ event: name, data: event.data as string });
      } catch (error) {
        failures.push(error);
      }
    });
  }
  all.addEventListener('change', (event) => list.push(JSON.parse(event.data as string) as TaskSummary));

  for (let kill = 0; kill < 2; kill++) {
    const before = client.events;
    await expect.poll(() => client.events).toBeGreaterThan(before + 5);
    server.process.kill('SIGKILL');
    await server.process.ended;
    const { version } = client.record!;
    server = await startStreamServer(folder, port);
    await expect.poll(() => client.record!.version).toBeGreaterThan(version);
  }
  await writeFile(`${folder}/stop`, '');
  expect((await task.ended).code).toBe(0);
  await expect.poll(() => client.ended).toBe(true);
  expect(failures).toEqual([]);
  expect(records).toBe(1);

  const record = (await recordsOf(storeIn(folder))).get('stepping')!;
  expect(client.record).toEqual(record);
  expect(stepsIn(record.log)).toBeGreaterThan(10);
  const versions = list.map(({ version }) => version);
  expect(versions).toEqual([...new Set(versions)].toSorted((one, other) => one - other));
  await expect.poll(() => list.at(-1)?.version).toBe(record.version);
  // It comes back once more, and hears that there is no need to.
  await expect.poll(() => source.readyState).toBe(source.CLOSED);
}, 90_000);
