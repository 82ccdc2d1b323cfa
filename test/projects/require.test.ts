import { expect, test } from 'vitest';
import { installed, passed, versions } from './project.ts';

/** The Node.js of the test, and the oldest that is supported. */
const OWN = process.versions.node;
const VERSIONS = versions([OWN], ['22.18.0']);

const TITLE =
  'with Node.js %s a CommonJS program requires taskspan; `import` gives the same module, and a second copy finds the running collector';

test.each(VERSIONS)(TITLE, async (node) => {
  const project = await installed('require', { packages: node === OWN ? {} : { node } });
  const start = node === OWN ? project.node : (args: readonly string[]) => project.command('node', args);
  const run = (file: string) => passed(start(['--disable-warning=ExperimentalWarning', file]));
  const program = await run('program.js');
  expect(program.stderr).toBe('');
  expect(JSON.parse(program.stdout)).toEqual({ text: '\treported\n', failures: [] });

  const copies = await run('copies.js');
  expect(copies.stderr).toBe('taskspan: a collector runs in this process already: this second start changes nothing\n');
  expect(JSON.parse(copies.stdout)).toEqual({ imported: true, copied: true, sameStore: true });
});
