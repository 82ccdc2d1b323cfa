import { expect, test } from 'vitest';
import { temporaryFolder } from '../../support/node-process.ts';
import { startLogReceiver } from '../otlp/receive/log-receiver.ts';
import { recordsOf, startScript, storeIn } from './script.ts';

const root = new URL('../../../', import.meta.url);
const imports = `
import { announceTask, runTask, startTask } from '${new URL('src/index.ts', root).href}';
import { startTaskspan } from '${new URL('collector/index.ts', root).href}';
`;

test('a started and an announced task are in the store and served, while others report without a pause', async () => {
  const script = await startScript(
    await temporaryFolder(),
    `const taskspan = await startTaskspan({ serve: { port: 0 } });
     const chatting = new AbortController();
     const chat = runTask('Chatty', async (updater) => {
       while (!chatting.signal.aborted) {
         for (let at = 0; at < 50; at++) updater.notify('again');
         await new Promise((resolve) => setTimeout(resolve, 1));
       }
     });
     for (let at = 0; at < 10; at++) {
       const work = Promise.withResolvers();
       const { taskUuid, done } = await startTask('Import', () => work.promise);
       const { state } = await taskspan.store.task(taskUuid);
       const { status } = await fetch(taskspan.url + '/tasks/' + await announceTask({ taskName: 'Later' }));
       work.resolve(5);
       console.log(state, status, await done);
     }
     chatting.abort();
     await chat;
     await taskspan.close();`,
    { imports },
  );
  expect(await script.ended).toMatchObject({ code: 0, stderr: '', stdout: 'running 200 5\n'.repeat(10) });
});

test('a task that fails is no unhandled rejection where `done` is not observed', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `await startTaskspan();
     await startTask('At once', () => { throw new Error('no'); });
     await startTask('Later', async () => { await null; throw new Error('no'); });`,
    { imports },
  );
  expect(await script.ended).toMatchObject({ code: 0, stderr: '' });
  const records = await recordsOf(storeIn(folder));
  for (const name of ['At once', 'Later']) expect(records.get(name)).toMatchObject({ state: 'failed', exception: 'no' });
});

test('awaiting a start keeps the process alive, with nothing else to do', async () => {
  const script = await startScript(
    await temporaryFolder(),
    `await startTaskspan();
     const { taskUuid } = await startTask('Import', () => undefined);
     console.log(taskUuid.length);`,
    { imports },
  );
  expect(await script.ended).toMatchObject({ code: 0, stdout: '36\n' });
});

test('where facts are sent, a start waits until they are acknowledged', async () => {
  const receiver = await startLogReceiver();
  let refused = 0;
  receiver.answer = (path, facts) => {
    if (path === '/refused') return { status: 200, body: String(refused) };
    if (facts.length > 0 && refused < 2) return { status: 503, body: String(refused++) };
    return { status: 200, ...(path.includes('/cancellations') && { body: '{"cancellations":[]}' }) };
  };
  const script = await startScript(
    await temporaryFolder(),
    `await startTaskspan();
     const { done } = await startTask('Import', () => 5);
     console.log(await (await fetch('${receiver.url}/refused')).text(), await done);`,
    { imports, env: { TASKSPAN_ENDPOINT: receiver.url } },
  );
  expect(await script.ended).toMatchObject({ code: 0, stdout: '2 5\n' });
  expect(receiver.facts().map(({ kind }) => kind)).toEqual(['task-start', 'task-end']);
});
