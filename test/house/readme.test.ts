import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createTasksApp, sqliteStore } from '../../collector/index.ts';
import type { TaskRecord } from '../../collector/index.ts';
import { blockOf, codeBlocks } from './code-blocks.ts';
import type { CodeBlock } from './code-blocks.ts';
import { REPOSITORY } from './imports.ts';
import { temporaryFolder } from '../support/node-process.ts';
import { runNode } from './run.ts';
import type { Ended } from './run.ts';

const FILES = [
  'README.md',
  'docs/carriers.md',
  'docs/client.md',
  'docs/log-and-record.md',
  'docs/opentelemetry.md',
  'docs/options.md',
  'docs/task-code.md',
  'docs/store.md',
];
/** The task of the record in `docs/task-code.md`. */
const UUID = '54bf5712-b9ec-11e9-afdd-8c16454a0938';

describe('the code in the pages', () => {
  it('is found', () => {
    for (const file of FILES) expect(codeBlocks(file).length).toBeGreaterThan(0);
  });

  for (const block of FILES.flatMap(codeBlocks)) {
    it(`at ${block.position} runs${block.prints === undefined ? '' : ' and prints what the page shows'}`, async () => {
      const { code, stdout, stderr } = await runBlock(block, await temporaryFolder());
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      if (block.prints !== undefined) expect(stdout).toBe(block.prints);
    });
  }
});

it('the record in docs/task-code.md is that of its example', async () => {
  const folder = await temporaryFolder();
  const example = codeBlocks('docs/task-code.md').find(({ code }) => code.includes(UUID));
  expect(example).toBeDefined();
  await runBlock(example!, folder);
  const store = sqliteStore(join(folder, 'taskspan.sqlite'));
  const response = await createTasksApp({ store }).request(`/tasks/${UUID}`);
  const record = (await response.json()) as TaskRecord;
  await store.close();

  const shown = JSON.parse(blockOf('docs/task-code.md', 'json')) as TaskRecord;
  expect(Object.keys(shown)).toEqual(Object.keys(record));
  expect(record.log.startsWith(shown.log.slice(0, -1))).toBe(true);
  expect(shown.log.endsWith('…')).toBe(true);
  const { log, start, end, created, updated, trace_id, version } = record;
  const error = { ...shown.error, span_id: record.error?.span_id };
  expect({ ...shown, log, start, end, created, updated, trace_id, version, error }).toEqual(record);
});

/** Runs it in a folder where `taskspan` is the repository's source, and its packages are the repository's. */
async function runBlock({ code }: CodeBlock, folder: string): Promise<Ended> {
  await symlink(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'), 'junction');
  await writeFile(join(folder, 'page.mts'), code);
  return runNode(['--import', join(REPOSITORY, 'examples/from-source.ts'), 'page.mts'], {
    cwd: folder,
    // Any free port, since another test may have the usual one.
    env: { TASKSPAN_PORT: '0' },
  });
}
