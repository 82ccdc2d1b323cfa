import { expect, test } from 'vitest';
import { installed, passed } from './project.ts';

const QUIET = '--disable-warning=ExperimentalWarning';

test('a CommonJS program requires taskspan, and its tasks are recorded', async () => {
  const project = await installed('require');
  const { stdout, stderr } = await passed(project.node([QUIET, 'program.js']));
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual({ text: '\tsaid\n', failures: [] });
});

test('`require` and `import` give the same module, and a copy of the package finds the collector that runs', async () => {
  const project = await installed('require');
  const { stdout, stderr } = await passed(project.node([QUIET, 'copies.js']));
  expect(stderr).toBe('taskspan: it is running already: this second start changes nothing\n');
  expect(JSON.parse(stdout)).toEqual({ imported: true, copied: true, sameStore: true });
});
