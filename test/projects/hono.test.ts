import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { installed, passed, versions } from './project.ts';

const VERSIONS = versions(['4.13.19'], ['4.0.0', '4.6.0', '4.7.11', '4.9.12']);
const LOG = '\treported\n\tTask Finished\n';
const QUIET = '--disable-warning=ExperimentalWarning';

describe.each(VERSIONS)('beside Hono %s', (hono) => {
  it('the app is mounted, and a server runs in the task\'s own thread and by the command', async () => {
    const project = await installed('hono', { packages: { hono } });
    expect(await readdir(join(project.folder, 'node_modules/taskspan'))).not.toContain('node_modules');

    // Early versions of Hono 4 have types that need those of a browser.
    const compiler = ['--strict', '--target', 'es2022', '--module', 'nodenext', '--lib', 'es2022,esnext.disposable', '--types', 'node', '--skipLibCheck'];
    await passed(project.command('tsc', [...compiler, 'mount.ts']));
    const { stdout, stderr } = await passed(project.node([QUIET, 'mount.js']));
    expect({ stderr, printed: JSON.parse(stdout) }).toEqual({
      stderr: '',
      printed: { mounted: LOG, served: LOG, metrics: 200, failures: [] },
    });

    const command = project.node([QUIET, 'node_modules/taskspan/dist/collector/cli/main.js', 'serve', '--port', '0']);
    const [, url] = await command.printed(/served on (\S+)/);
    expect((await fetch(url ?? '')).status).toBe(200);
    command.kill('SIGTERM');
    expect(await command.ended).toMatchObject({ code: 0, stderr: '' });
  });
});
