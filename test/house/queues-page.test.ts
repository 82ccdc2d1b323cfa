import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { codeBlocks } from './code-blocks.ts';
import { REPOSITORY } from './imports.ts';

// The examples are run end to end: they need real servers.
it('the code in docs/queues.md is that of the examples', () => {
  const examples = ['bullmq.ts', 'pg-boss.ts'].map((name) => readFileSync(join(REPOSITORY, 'examples/queues', name), 'utf8'));
  const blocks = codeBlocks('docs/queues.md');
  expect(blocks).toHaveLength(examples.length);
  blocks.forEach(({ code }, index) => expect(examples[index]).toContain(code));
});

it('the thirty lines in docs/queues.md are thirty', () => {
  const lines = codeBlocks('docs/queues.md')[1]!.code.split('\n').filter((line) => line.trim() !== '');
  expect(lines.length).toBeLessThanOrEqual(30);
});
