import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BLOCKED, installed, passed, versions } from './project.ts';

const BUILDS = versions([{ next: '16.4.6', flags: '' }], [{ next: '16.4.6', flags: '--webpack' }, { next: '15.5.29', flags: '' }]);

test.each(BUILDS)('a build of Next $next $flags has its task served while the task blocks', async ({ next, flags }) => {
  const project = await installed('next', { packages: { next } });
  const quiet = { NEXT_TELEMETRY_DISABLED: '1' };
  await passed(project.command('next', ['build', ...(flags === '' ? [] : [flags])], { env: quiet }));
  // What the build has not taken along is not there any more.
  for (const name of ['taskspan', '@opentelemetry', 'hono']) await rm(join(project.folder, 'node_modules', name), { recursive: true, maxRetries: 10 });
  const server = project.command('next', ['start', '--hostname', '127.0.0.1', '--port', '0'], { env: { ...quiet, ...BLOCKED.options.env } });
  const [, url = ''] = await server.printed(/Local: +(http:\S+)/);
  await server.printed(/Ready in/);
  const answer = await fetch(`${url}/run`);
  expect(await answer.text()).toBe(JSON.stringify(BLOCKED.printed));
});
