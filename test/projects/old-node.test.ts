import { describe, expect, it } from 'vitest';
import { installed, passed, versions } from './project.ts';
import type { Project } from './project.ts';

describe.each(versions(['20.20.2'], ['20.18.3']))('on Node.js %s, which is too old', (node) => {
  const message = `taskspan needs node:sqlite, as Node.js 22.18 and newer have it; this is Node.js ${node}`;
  const project = (): Promise<Project> => installed('old-node', { packages: { node } });

  it('one line says what is needed, and task code runs, by import and by require', async () => {
    const { command } = await project();
    for (const program of ['program.mjs', 'program.cjs']) {
      const { stdout, stderr } = await passed(command('node', [program]));
      expect({ program, printed: JSON.parse(stdout), stderr }).toEqual({
        program,
        printed: { result: 'done', failures: [message] },
        stderr: `taskspan: ${message}\n`,
      });
    }
  });

  it('one line of the command and of the preload says what is needed', async () => {
    const { command } = await project();
    const served = await command('node', ['node_modules/taskspan/dist/collector/command/main.js', 'serve', '--port', '0']).ended;
    expect(served).toMatchObject({ code: 1, stdout: '', stderr: `taskspan: ${message}\n` });
    const preloaded = command('node', ['--import', 'taskspan/register', '--eval', 'console.log("runs")']);
    expect(await preloaded.ended).toMatchObject({ code: 0, stdout: 'runs\n', stderr: `taskspan: ${message}\n` });
  });
});
