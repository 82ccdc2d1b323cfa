import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { blocksOf } from '../house/code-blocks.ts';
import { installed, passed, versions } from './project.ts';
import type { Project } from './project.ts';

/** The programs in the guide: what is tested, then its tests. */
const [TESTED = '', WITH_VITEST = '', WITH_NODE = ''] = blocksOf('docs/testing.md', 'ts');
const [WITH_JEST = ''] = blocksOf('docs/testing.md', 'js');

/** Their own limit is 5 seconds, of which a loaded machine may need more to start the collector. */
const LIMIT = '--testTimeout=100000';

async function written(project: Project, files: Readonly<Record<string, string>>): Promise<Project> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(project.folder, name), text);
  return project;
}

describe('the tests of docs/testing.md pass', () => {
  test.each(versions(['5.1.2'], ['4', '3']))('in vitest %s', async (vitest) => {
    const project = await installed('testing', { packages: { vitest } });
    await written(project, { 'import-customers.ts': TESTED, 'import.test.ts': WITH_VITEST });
    const { stdout, stderr } = await passed(project.command('vitest', ['run', LIMIT]));
    expect(stdout).toMatch(/Tests .*1 passed/);
    expect(stderr).toBe('');
  });

  test.each(versions(['30.5.2'], ['29']))('in Jest %s', async (jest) => {
    const project = await installed('testing-jest', { packages: { jest } });
    await written(project, { 'import.test.js': WITH_JEST });
    const { stdout, stderr } = await passed(project.command('jest', [LIMIT]));
    expect(stdout).toBe('');
    expect(stderr).toMatch(/Tests: +1 passed, 1 total/);
  });

  test('in node:test', async () => {
    const project = await installed('testing');
    await written(project, { 'import-customers.ts': TESTED, 'import.test.ts': WITH_NODE });
    const { stdout, stderr } = await passed(project.node(['--test', 'import.test.ts']));
    expect(stdout).toMatch(/pass 1\n/);
    expect(stderr).toBe('');
  });
});
