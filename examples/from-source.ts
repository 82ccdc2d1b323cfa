/**
 * Lets the examples run in the repository without a build: `taskspan` is then its source.
 *
 *     node --import ./examples/from-source.ts examples/seed.ts
 *
 * Where the package is installed, or after `npm run build`, they need no such help.
 */
import { registerHooks } from 'node:module';

const sources: Readonly<Record<string, string>> = {
  taskspan: '../src/index.ts',
  'taskspan/bullmq': '../src/bullmq/index.ts',
  'taskspan/client': '../src/client/index.ts',
  'taskspan/collector': '../collector/index.ts',
  'taskspan/element': '../src/client/element.ts',
  'taskspan/react': '../src/client/react.ts',
  'taskspan/testing': '../collector/testing.ts',
};

registerHooks({
  resolve(specifier, context, nextResolve) {
    const source = sources[specifier];
    return source === undefined
      ? nextResolve(specifier, context)
      : { url: new URL(source, import.meta.url).href, shortCircuit: true };
  },
});
