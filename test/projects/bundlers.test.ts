import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/node-process.ts';
import { BLOCKED, installed, passed, versions } from './project.ts';

const ROLLUP_PLUGINS = {
  '@rollup/plugin-commonjs': '29.0.3',
  '@rollup/plugin-json': '6.1.0',
  '@rollup/plugin-node-resolve': '16.0.3',
};

/** The versions of a bundler, and what is built by it: the name of a build in `blocked/build.js`, and its file. */
const BUNDLERS = [
  {
    packages: versions([{ esbuild: '0.28.2' }], [{ esbuild: '0.21.5' }]),
    builds: versions(
      [['esbuild to CommonJS', 'app.cjs'], ['esbuild to ES modules', 'app.mjs']],
      [['esbuild to CommonJS, minified', 'app.cjs']],
    ),
  },
  {
    packages: versions([{ webpack: '5.113.0' }], [{ webpack: '5.90.3' }]),
    builds: versions([['webpack to CommonJS', 'app.cjs']], [['webpack to ES modules', 'app.mjs']]),
  },
  {
    packages: versions([{ rollup: '4.68.8', ...ROLLUP_PLUGINS }], [{ rollup: '3.30.0', ...ROLLUP_PLUGINS }]),
    builds: [['rollup to ES modules', 'app.mjs']],
  },
  {
    packages: versions([{ vite: '8.4.0' }], [{ vite: '7.3.8' }, { vite: '6.4.6' }]),
    builds: [['Vite SSR with everything inlined', 'app.mjs']],
  },
];

const CASES = BUNDLERS.flatMap(({ packages, builds }) => packages.map((versionsOf) => ({ packages: versionsOf, builds })));

describe('an application in one bundle, where no package is installed, has its task served while the task blocks', () => {
  it.each(CASES)('$packages', async ({ packages, builds }) => {
    const project = await installed('blocked', { packages });
    for (const [name = '', file = ''] of builds) {
      await passed(project.node(['build.js', name]));
      const folder = await temporaryFolder();
      await cp(join(project.folder, 'out'), folder, { recursive: true });
      const { stdout, stderr } = await passed(project.node(['--disable-warning=ExperimentalWarning', file], { cwd: folder, ...BLOCKED.options }));
      expect({ name, stderr, printed: JSON.parse(stdout) }).toEqual({ name, stderr: '', printed: BLOCKED.printed });
    }
  });
});
