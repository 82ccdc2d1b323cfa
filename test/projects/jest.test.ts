import { expect, test } from 'vitest';
import { installed, versions } from './project.ts';

test.each(versions(['30.5.2'], ['29.7.0']))('Jest %s with its default settings runs tests of recorded tasks', async (jest) => {
  const project = await installed('jest', { packages: { jest } });
  const { code, stderr } = await project.command('jest', []).ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('Tests:       2 passed, 2 total') });
});
