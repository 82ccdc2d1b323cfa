import { join } from 'node:path';
import { build } from 'vite';
import { expect, test } from 'vitest';
import { startNode, temporaryFolder } from '../../support/node-process.ts';
import { recordsOf, startScript, storeIn } from './script.ts';

const source = (path: string): string => new URL(`../../../${path}`, import.meta.url).pathname;

test('in an application bundled into one file the collector runs in its own thread', { timeout: 60_000 }, async () => {
  const folder = await temporaryFolder();
  await build({
    logLevel: 'silent',
    configFile: false,
    build: {
      ssr: source('test/collector/runtime/bundled-app.ts'),
      outDir: join(folder, 'out'),
      rolldownOptions: { output: { entryFileNames: 'app.mjs' } },
    },
    ssr: { noExternal: true },
  });
  const app = startNode(['--disable-warning=ExperimentalWarning', join(folder, 'out/app.mjs')], { cwd: folder });
  const { code, stderr, stdout } = await app.ended;
  expect(stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+ 200\n$/);
  expect(stderr.match(/no collector thread could be started/g)).toHaveLength(1);
  expect(code).toBe(0);
  expect((await recordsOf(storeIn(folder))).get('bundled')).toMatchObject({ state: 'completed', log: expect.stringContaining('\tsaid\n') });
});

test("a store given as an object keeps the collector in the task's thread; nothing is lost at process.exit()", async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `import { sqliteStore } from '${new URL('../../../collector/index.ts', import.meta.url).href}';
     await startTaskspan({ store: sqliteStore('taskspan.sqlite') });
     await runTask('here', (updater) => updater.notify('said'));
     process.exit(0);`,
    { args: ['--disable-warning=ExperimentalWarning'] },
  );
  const { code, stderr } = await script.ended;
  expect(code).toBe(0);
  expect(stderr).toContain("keeps the collector in the task's own thread");
  expect((await recordsOf(storeIn(folder))).get('here')?.log).toContain('\tsaid\n');
});
