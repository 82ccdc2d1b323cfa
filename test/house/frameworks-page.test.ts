import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { codeBlocks } from './code-blocks.ts';
import { filesIn, REPOSITORY } from './imports.ts';

// The examples are run as projects of their own, and nginx with its blocks end to end.
it('the code in docs/frameworks.md is that of the examples', () => {
  const examples = filesIn('examples/frameworks').map((file) => readFileSync(join(REPOSITORY, file), 'utf8'));
  const blocks = codeBlocks('docs/frameworks.md');
  expect(blocks.length).toBeGreaterThan(4);
  for (const { code, position } of blocks) expect(examples.some((example) => example.includes(code)), position).toBe(true);
});
