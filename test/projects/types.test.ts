import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { installed, versions } from './project.ts';

/** `module` and `moduleResolution` of a compiler. In a CommonJS project they find the types in different ways. */
const SETTINGS = versions(
  ['commonjs/node10', 'node16/node16', 'node18/node16', 'nodenext/nodenext', 'esnext/bundler'],
  ['preserve/bundler'],
);

const COMPILERS = versions(
  [{ typescript: '5.9.3', settings: SETTINGS }],
  [
    { typescript: '5.7.3', settings: SETTINGS.filter((name) => !name.startsWith('node18')) },
    { typescript: '7.0.2', settings: SETTINGS.filter((name) => !name.endsWith('node10')) },
  ],
);

describe('the types are found', () => {
  it.each(COMPILERS)('by TypeScript $typescript, in a CommonJS file and in an ES module', async ({ typescript, settings }) => {
    const project = await installed('types', { packages: { typescript } });
    const errorsIn = async (file: string, setting: string): Promise<string> => {
      const [module = '', resolution = ''] = setting.split('/');
      const target = ['--target', 'es2022', '--lib', 'es2022,esnext.disposable', '--types', 'node'];
      const args = ['--noEmit', '--strict', ...target, '--module', module, '--moduleResolution', resolution, file];
      const { code, stdout, stderr } = await project.command('tsc', args).ended;
      return code === 0 ? stdout : `tsc ended with ${code}:\n${stdout}${stderr}`;
    };
    for (const setting of settings) expect({ setting, errors: await errorsIn('program.ts', setting) }).toEqual({ setting, errors: '' });
    await rename(join(project.folder, 'program.ts'), join(project.folder, 'program.mts'));
    expect(await errorsIn('program.mts', 'nodenext/nodenext')).toBe('');
  });
});
