import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { Hono } from 'hono';
import { expect, onTestFinished, test, vi } from 'vitest';
import { serveTasks } from '../../../../collector/server/serve-tasks.ts';
import { createTasksApp } from '../../../../collector/server/tasks-app.ts';
import { factsOf, NOW, openSqlite, storePath, uuidOf } from '../../store/stored-task.ts';

const TASK = uuidOf(1);
const { span } = factsOf(TASK)[0]!;

async function connected(url: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1').setNoDelay().setEncoding('utf8');
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** The next answer on a connection, whole: it may come in several pieces. */
function answerOn(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const take = (text: string): void => {
      answer += text;
      const [, head, body] = /^(.*?)\r\n\r\n(.*)$/s.exec(answer) ?? [];
      if (head === undefined || Buffer.byteLength(body!) < Number(/^content-length: (\d+)$/im.exec(head)![1])) return;
      socket.off('data', take).off('error', reject);
      resolve(answer);
    };
    socket.on('data', take).once('error', reject);
  });
}

function requestOf(url: string, header = ''): string {
  return `GET /tasks/${TASK} HTTP/1.1\r\nHost: ${new URL(url).host}\r\n${header}\r\n`;
}

test('a request that is sent after a commit is answered with it, though a slow one before it is being read since the turn began', async () => {
  const path = storePath();
  const [store, other] = [openSqlite(path), openSqlite(path)];
  await other.append(factsOf(TASK));
  let answered: (() => void) | undefined;
  const app = new Hono();
  app.use(async (c, next) => {
    const isSlow = c.req.header('X-Slow') !== undefined;
    if (isSlow) await turn();
    await next();
    if (isSlow) answered?.();
  });
  app.route('/', createTasksApp({ store, listen: false }));
  const server = await serveTasks({ app, port: 0 });
  onTestFinished(() => server.close());
  const [slow, quick] = [await connected(server.url), await connected(server.url)];
  for (let round = 1; round <= 60; round++) {
    const before = answerOn(quick);
    quick.write(requestOf(server.url));
    await before;
    let committed = 0;
    answered = () => {
      void other.append([{ kind: 'notification', span, seq: 100 + round, time: NOW + round, message: 'm' }]);
      void other.stored(TASK).then((task) => {
        committed = task!.version;
        quick.write(requestOf(server.url));
      });
    };
    const told = answerOn(quick);
    slow.write(requestOf(server.url, 'X-Slow: 1\r\n'));
    const [answer] = await Promise.all([told, answerOn(slow)]);
    expect(Number(/"version":(\d+)/.exec(answer)![1])).toBe(committed);
  }
});

test('the tasks of all requests of one turn are read at once, each once', async () => {
  const store = openSqlite();
  await store.append([...factsOf(uuidOf(1)), ...factsOf(uuidOf(2))]);
  const reads = vi.spyOn(store, 'storedMany');
  const app = createTasksApp({ store, listen: false });
  const asked = [1, 2, 1, 3, 1].map(async (number) => app.request(`/tasks/${uuidOf(number)}`));
  expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200, 200, 404, 200]);
  expect(reads.mock.calls.map(([uuids]) => uuids)).toEqual([[uuidOf(1), uuidOf(2), uuidOf(3)]]);
});
