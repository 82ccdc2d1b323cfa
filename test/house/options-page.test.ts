import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { renewed } from '../../tools/docs.ts';
import { REPOSITORY } from './imports.ts';

it('docs/options.md has the table of options as it is now; `npm run docs` renews it', () => {
  const page = readFileSync(join(REPOSITORY, 'docs/options.md'), 'utf8');
  expect(page).toBe(renewed(page));
});
