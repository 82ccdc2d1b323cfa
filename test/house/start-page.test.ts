import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { blocksOf } from './code-blocks.ts';
import { REPOSITORY } from './imports.ts';

// test/examples/start.test.ts runs the server, and test/e2e/start-front-ends.test.ts the front ends.
it('the code in docs/start.md is that of the examples', () => {
  const files = readdirSync(join(REPOSITORY, 'examples/start'), { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
  const examples = files.map((file) => readFileSync(join(file.parentPath, file.name), 'utf8'));
  const blocks = ['ts', 'tsx', 'vue', 'svelte', 'html'].flatMap((language) => blocksOf('docs/start.md', language));
  expect(blocks.length).toBeGreaterThan(10);
  expect(blocks.filter((code) => !examples.some((example) => example.includes(code)))).toEqual([]);
});
