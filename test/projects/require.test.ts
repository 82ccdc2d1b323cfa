import { expect, test } from 'vitest';
import { installed, passed } from './project.ts';

const QUIET = '--disable-warning=ExperimentalWarning';

test('a CommonJS program requires taskspan; `import` gives the same module, and a second copy finds the running collector', async () => {
  const project = await installed('require');
  const program = await passed(project.node([QUIET, 'program.js']));
  expect(program.stderr).toBe('');
  expect(JSON.parse(program.stdout)).toEqual({ text: '\tsaid\n', failures: [] });

  const copies = await passed(project.node([QUIET, 'copies.js']));
  expect(copies.stderr).toBe('taskspan: it is running already: this second start changes nothing\n');
  expect(JSON.parse(copies.stdout)).toEqual({ imported: true, copied: true, sameStore: true });
});
