import { expect, test } from 'vitest';
import { installed, passed, versions } from './project.ts';

/** Versions before 20.19 can't `require` ES modules: they get the CommonJS. Node.js 18 has no global `crypto`, 20.11 no `hash`. */
const VERSIONS = versions(['20.20.2'], ['20.18.3', '20.11.1', '18.20.8']);

test.each(VERSIONS)('on Node.js %s, which is too old, one line names what is needed, and task code runs', async (node) => {
  const { command } = await installed('old-node', { packages: { node } });
  const message = `taskspan needs node:sqlite, as Node.js 22.18 and newer have it; this is Node.js ${node}`;

  for (const program of ['program.mjs', 'program.cjs']) {
    const { stdout, stderr } = await passed(command('node', [program]));
    expect({ program, printed: JSON.parse(stdout), stderr }).toEqual({
      program,
      printed: { result: 'done', failures: [message] },
      stderr: `taskspan: ${message}\n`,
    });
  }

  const preloaded = await command('node', ['--import', 'taskspan/register', '--eval', 'console.log("runs")']).ended;
  expect(preloaded).toMatchObject({ code: 0, stdout: 'runs\n', stderr: `taskspan: ${message}\n` });

  const served = await command('node', ['node_modules/taskspan/dist/collector/cli/main.js', 'serve', '--port', '0']).ended;
  expect(served).toMatchObject({ code: 1, stdout: '', stderr: `taskspan: ${message}\n` });
});
