import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/node-process.ts';
import { recordedIn, UUID } from './beside-a-provider.ts';
import { installed, passed } from './project.ts';

const CANCELLED = '54bf5712-b9ec-11e9-afdd-8c16454a0939';
const OF_THE_PLUGIN = '54bf5712-b9ec-11e9-afdd-8c16454a0937';

const LOG = `	Reported by the application
	 - Scope of the application
	Reported by the plugin
	 - Scope of the plugin
	Inside
		Successfully completed
		Time spent: 0h0m
	 - Part of the plugin
	As a part
		Successfully completed
		Time spent: 0h0m
	Task Finished - 1 out of 1 jobs finished
`;

const REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

const CASES = [
  { name: 'an application bundled to ES modules and a plugin', bundle: ['--format=esm', `--banner:js=${REQUIRE}`], app: 'out/app.mjs', plugin: 'plugin.js' },
  { name: 'an application bundled to CommonJS and a plugin', bundle: ['--format=cjs'], app: 'out/app.cjs', plugin: 'plugin.js' },
  // As in Jest, `require` gives the CommonJS copy of the package then.
  { name: 'ES modules and CommonJS', flags: ['--no-experimental-require-module'], app: 'app.js', plugin: 'plugin.cjs' },
];

test.each(CASES)('the copies of taskspan of $name work on one task beside the collector of a third', async ({ bundle, flags = [], app, plugin }) => {
  const project = await installed('copies');
  if (bundle !== undefined) {
    await passed(project.command('esbuild', ['app.js', '--bundle', '--platform=node', '--log-level=error', ...bundle, `--outfile=${app}`]));
  }
  const store = join(await temporaryFolder(), 'tasks.sqlite');
  const { stdout, stderr } = await passed(
    project.node([...flags, '--disable-warning=ExperimentalWarning', '--import', 'taskspan/register', app, plugin], {
      env: { TASKSPAN_STORE: store, TASKSPAN_PORT: '0' },
    }),
  );
  expect(stderr).toBe('taskspan: a collector runs in this process already: this second start changes nothing\n');
  expect(JSON.parse(stdout)).toEqual({ isOther: true, isSameTask: true, cancelled: 'TASKSPAN_CANCELLED' });
  const shared = await recordedIn(store, UUID);
  expect(shared.log).toBe(LOG);
  expect(shared.scopes.attempts[0]).toMatchObject({ scopes: [{ attributes: { 'set by the plugin': true } }] });
  expect((await recordedIn(store, CANCELLED)).record).toMatchObject({ state: 'cancelled' });
  expect((await recordedIn(store, OF_THE_PLUGIN)).log).toBe('\tReported by the application\n\tTask Finished\n');
});
