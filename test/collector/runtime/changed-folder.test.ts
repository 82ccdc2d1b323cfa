import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../support/node-process.ts';
import { recordsOf, startScript, storeIn } from './script.ts';

/** The paths of a store are those of its start, wherever the process goes. */

const BEFORE_AND_AFTER = `
  runTask('before', () => undefined);
  await allCommitted(FLUSHED);
  process.chdir('other');
  runTask('after', () => undefined);
  await allCommitted(FLUSHED);
`;

async function expectOneStore(text: string, imports?: string): Promise<void> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'other'));
  const script = await startScript(folder, text, imports === undefined ? {} : { imports });
  expect(await script.ended).toMatchObject({ code: 0, stdout: 'before after\n', stderr: '' });
  expect([...(await recordsOf(storeIn(folder))).keys()]).toEqual(['before', 'after']);
  expect(existsSync(join(folder, 'other', 'taskspan.sqlite'))).toBe(false);
}

const NAMES = `const { tasks } = await STORE.tasks({ limit: 9 });
  console.log(tasks.map(({ summary }) => JSON.parse(summary).task_name).toReversed().join(' '));`;

test.each(['', `{ store: './taskspan.sqlite' }`, `{ store: './taskspan.sqlite', serve: { port: 0 } }`])(
  'startTaskspan(%s) keeps one store when the process changes its folder',
  async (options) => {
    await expectOneStore(
      `const taskspan = await startTaskspan(${options});
       ${BEFORE_AND_AFTER.replaceAll('FLUSHED', 'taskspan')}
       ${NAMES.replace('STORE', 'taskspan.store')}
       await taskspan.close();`,
    );
  },
);

test('a store that is first read in another folder is that of the start', async () => {
  await expectOneStore(
    `const taskspan = await startTaskspan();
     process.chdir('other');
     runTask('before', () => undefined);
     await allCommitted(taskspan);
     runTask('after', () => undefined);
     await allCommitted(taskspan);
     ${NAMES.replace('STORE', 'taskspan.store')}
     await taskspan.close();`,
  );
});

test('sqliteStore() and TaskSpanProcessor keep one store when the process changes its folder', async () => {
  const root = new URL('../../../', import.meta.url);
  await expectOneStore(
    `const store = sqliteStore('taskspan.sqlite');
     const provider = new NodeTracerProvider({ spanProcessors: [new TaskSpanProcessor({ store })] });
     provider.register();
     ${BEFORE_AND_AFTER.replaceAll('FLUSHED', '{ flush: () => provider.forceFlush() }')}
     ${NAMES.replace('STORE', 'store')}
     await provider.shutdown();
     await store.close();`,
    `import { NodeTracerProvider } from '${import.meta.resolve('@opentelemetry/sdk-trace-node')}';
     import { sqliteStore, TaskSpanProcessor } from '${new URL('collector/index.ts', root).href}';
     import { runTask } from '${new URL('src/index.ts', root).href}';`,
  );
});
