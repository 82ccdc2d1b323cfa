import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startScript } from '../collector/runtime/script.ts';
import { temporaryFolder } from '../support/node-process.ts';
import { describeWithTmux, startCommandInTerminal } from './terminal.ts';

const UUID = '54bf5712-b9ec-11e9-afdd-8c16454a0938';

/** A task that stands still in the midst of two parallel scopes until there is a file \`go\`, and fails then. */
async function startTask(): Promise<string> {
  const folder = await temporaryFolder();
  const task = await startScript(
    folder,
    `import { existsSync } from 'node:fs';
     const taskspan = await startTaskspan();
     await runTask('顧客データ 🚀 Import', async (updater) => {
       updater.plan(2);
       updater.scope('Read \\u001b[31mfile', (scope) => {
         for (let row = 1; row <= 30; row++) scope.notify('row ' + row);
       });
       await updater.scope('Write rows', (scope) => Promise.all([['東京 offices', 5], ['Berlin', 2]].map(([name, done]) =>
         scope.scope(name, async (part) => {
           part.progress(done, 10);
           await taskspan.flush();
           console.log('begun');
           while (!existsSync('go')) await new Promise((resolve) => setTimeout(resolve, 20));
         }))));
       throw new RangeError('the totals differ');
     }, { taskUuid: '${UUID}' }).catch(() => undefined);
     await taskspan.close();`,
  );
  await task.printed(/begun\nbegun/);
  return folder;
}

const go = (folder: string): Promise<void> => writeFile(join(folder, 'go'), '');
const TAIL = ['tail', UUID, '--store', 'taskspan.sqlite'];

/** The screen without the turning spinner and the growing times. */
function still(screen: string): string {
  return screen.replaceAll(/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/g, '*').replaceAll(/ +\d+(?:\.\d)?s$/gm, ' #s');
}

/** The lines below the log. */
function region(screen: string): string {
  return still(screen.slice(screen.lastIndexOf('\n\n') + 2));
}

const AT_80 = `\
* 顧客データ 🚀 Import                                            running #s
  ━━━━━━━━━━━━━━━━━━━━────────────────────  50%  1 of 3 jobs
  ✓ Read ␛[31mfile #s
  * Write rows #s
    * 東京 offices                         5/10 ━━━━━━━━━━──────────  50% #s
    * Berlin                               2/10 ━━━━────────────────  20% #s`;

const AT_40 = `\
* 顧客データ 🚀 Import    running #s
  ━━━━━━━━━──────────  50%  1 of 3 jobs
  ✓ Read ␛[31mfile #s
  * Write rows #s
    * 東京 offices  ━━━━────  50% #s
    * Berlin        ━───────  20% #s`;

describeWithTmux('taskspan tail in a terminal', () => {
  test.each([
    { columns: 80, rows: 24, expected: AT_80 },
    { columns: 40, rows: 20, expected: AT_40 },
  ])('of $columns columns shows the scopes below the log, drawn over each time', async ({ columns, rows, expected }) => {
    const folder = await startTask();
    const terminal = await startCommandInTerminal(TAIL, { cwd: folder, columns, rows });
    await expect.poll(async () => region(await terminal.screen())).toBe(expected);
    expect(await terminal.isCursorShown()).toBe(false);
    await go(folder);
    expect(await terminal.exitCode()).toBe(1);
    const everything = await terminal.everything();
    expect(everything).toContain('  Task Finished - 3 out of 3 jobs finished\n');
    expect(region(everything)).toMatch(/^✗ 顧客データ 🚀 Import +failed #s\n.*3 of 3 jobs\n {2}the totals differ\n {2}✓ Read ␛\[31mfile #s\n {2}✓ Write rows #s\n {4}✓ 東京 offices #s\n {4}✓ Berlin #s$/);
    // Each line of the log once, and no frame left behind.
    const rowsShown = [...everything.matchAll(/^ {2}row (\d+)$/gm)].map(([, row]) => Number(row));
    expect(rowsShown).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
    expect(everything.match(/✓ Read/g)).toHaveLength(1);
    expect(everything).not.toMatch(/running|[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/);
    expect(await terminal.isCursorShown()).toBe(true);
  });

  test('of few rows shows what runs, and counts the rest', async () => {
    const folder = await startTask();
    const terminal = await startCommandInTerminal(TAIL, { cwd: folder, columns: 40, rows: 6 });
    await expect.poll(async () => still(await terminal.screen())).toBe(`\
* 顧客データ 🚀 Import    running #s
  ━━━━━━━━━──────────  50%  1 of 3 jobs
  * Write rows #s
    * Berlin        ━───────  20% #s
  … and 1 running, 1 completed`);
  });

  test('is right again after the terminal was made narrower', async () => {
    const folder = await startTask();
    const terminal = await startCommandInTerminal(TAIL, { cwd: folder, columns: 80, rows: 24 });
    await expect.poll(async () => region(await terminal.screen())).toBe(AT_80);
    await terminal.resize(40, 24);
    await expect.poll(async () => region(await terminal.screen())).toBe(AT_40);
    const everything = await terminal.everything();
    expect(everything.match(/Write rows/g)).toHaveLength(2);
    // No frame of the old width is left.
    expect(everything.match(/✓ Read/g)).toHaveLength(1);
  });

  test('has colours, and leaves a clean terminal with Ctrl-C', async () => {
    const folder = await startTask();
    const terminal = await startCommandInTerminal(TAIL, { cwd: folder, columns: 80, rows: 24 });
    await expect.poll(() => terminal.coloured()).toContain('\u{1b}[32m✓');
    await terminal.press('C-c');
    expect(await terminal.exitCode()).toBe(130);
    expect(await terminal.isCursorShown()).toBe(true);
  });

  test.each([{ NO_COLOR: '1' }, { TERM: 'dumb' }])('is the log alone with %j', async (env) => {
    const folder = await startTask();
    await go(folder);
    const terminal = await startCommandInTerminal(TAIL, { cwd: folder, columns: 80, rows: 24, env });
    expect(await terminal.exitCode()).toBe(1);
    const everything = await terminal.everything();
    expect(everything.trimStart()).toMatch(/^- Read ␛\[31mfile\n/);
    expect(everything).toMatch(/Task Finished - 3 out of 3 jobs finished$/);
    expect(await terminal.coloured()).not.toContain('\u{1b}');
  });
});
