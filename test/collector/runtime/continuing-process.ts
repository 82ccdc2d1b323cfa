/**
 * A process in which a task of another goes on: `node continuing-process.ts HOW WAY`. How its
 * carrier comes: `env`, `json` on standard input, or `http`, as the headers of a request.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { startTaskspan } from '../../../collector/index.ts';
import { continueTask, currentUpdater, notify } from '../../../src/index.ts';
import type { CarrierSource } from '../../../src/index.ts';

const [, , how = '', way = ''] = process.argv;
const taskspan = await startTaskspan();
if (how === 'env') goOn(process.env);
else if (how === 'json') goOn((JSON.parse(await text(process.stdin)) as { carrier: CarrierSource }).carrier);
else {
  const server = createServer((request, response) => {
    goOn(request.headers);
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await once(server, 'request');
  server.close();
}
// One flush ends after two seconds, also where a loaded machine has not committed all by then.
for (let flush = 0; flush < 5; flush++) await taskspan.flush();
await taskspan.close();

function goOn(carrier: CarrierSource): void {
  const task = continueTask(carrier);
  if (way === 'part') {
    task.scope(`Part by ${how}`, (part) => {
      notify(`in process ${process.pid}`);
      part.scope('Inside', () => part.progress(1, 1));
    });
  } else if (way === 'child') {
    task.child(`Child by ${how}`, (child) => {
      child.progress(1, 2);
      child.scope('Work', () => notify('the child works'));
    });
  } else {
    task.nextAttempt((updater) => {
      if (currentUpdater() !== updater) throw new Error('expected the updater of the attempt');
      updater.notify(`again by ${how}`);
    });
  }
}
