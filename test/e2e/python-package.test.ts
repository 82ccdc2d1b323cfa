/** The Python package as its users get it: built and installed by pip, and its unit tests on what was installed. */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startProgram, temporaryFolder } from '../support/node-process.ts';
import { describeWithPythonPeers, pythonPeers } from './python.ts';

const PACKAGE = fileURLToPath(new URL('../../examples/python', import.meta.url));
const UNIT_TESTS = fileURLToPath(new URL('python/test_taskspan.py', import.meta.url));

describeWithPythonPeers('the Python package', () => {
  test('is installed by pip without a network, and passes its unit tests', async () => {
    const folder = await temporaryFolder();
    const python = async (...args: string[]): Promise<string> => {
      const env = { PYTHONPATH: join(folder, 'installed'), PYTHONDONTWRITEBYTECODE: '1' };
      const { code, stderr } = await startProgram(join(pythonPeers(), 'bin/python'), args, { cwd: folder, env }).ended;
      expect(code, stderr).toBe(0);
      return stderr;
    };
    // A copy, since pip may write beside the sources.
    await cp(PACKAGE, join(folder, 'package'), { recursive: true, filter: (path) => !path.endsWith('__pycache__') });
    const offline = ['--quiet', '--disable-pip-version-check', '--no-index', '--no-deps', '--no-build-isolation'];
    await python('-m', 'pip', 'install', ...offline, '--target', 'installed', './package');
    expect(await python('-W', 'error', UNIT_TESTS)).toMatch(/^Ran \d+ tests in .*\n\nOK$/m);
  });
});
