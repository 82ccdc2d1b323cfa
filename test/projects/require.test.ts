import { expect, test } from 'vitest';
import { installed, passed } from './project.ts';

test('a CommonJS program requires taskspan, and its tasks are recorded', async () => {
  const project = await installed('require');
  const { stdout, stderr } = await passed(project.node(['--disable-warning=ExperimentalWarning', 'program.js']));
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual({ text: '\tsaid\n', failures: [] });
});
