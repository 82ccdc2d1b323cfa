import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../support/node-process.ts';
import { describeHooks } from './react-hooks.ts';

const packageOf = (name: string): string => dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));

describeHooks('the hooks in React 19', async () => ({
  folder: await temporaryFolder(),
  alias: {
    'taskspan/react': fileURLToPath(new URL('../../src/client/react.ts', import.meta.url)),
    react: packageOf('react'),
    'react-dom': packageOf('react-dom'),
  },
}));
