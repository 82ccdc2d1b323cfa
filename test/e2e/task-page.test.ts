import { writeFile } from 'node:fs/promises';
import { Hono } from 'hono';
import { expect, onTestFinished, test } from 'vitest';
import { serveTasks } from '../../collector/server/serve-tasks.ts';
import { startServer } from '../collector/cli/task-processes.ts';
import { startScript } from '../collector/runtime/script.ts';
import { temporaryFolder } from '../support/node-process.ts';
import { startProxy } from './browser-and-proxy.ts';
import { taskOfFlatSteps, taskOfLines, taskOfSteps } from './many-tasks.ts';
import { axeFaults, describeWithPages, expectSound, openPage, sidewaysScroll } from './open-page.ts';
import type { OpenPage } from './open-page.ts';
import { HOSTILE, SHOWN, startSeedTask, startShownTasks } from './shown-tasks.ts';

/** The text of the log in the page. */
const logOf = ({ page }: OpenPage): Promise<string> => page.evaluate<string>(`[...document.querySelectorAll('taskspan-log pre')].map((block) => block.textContent).join('')`);
/** State and name of each step in the page. */
const stepsOf = ({ page }: OpenPage): Promise<string[]> =>
  page.evaluate<string[]>(`[...document.querySelectorAll('.steps li[data-state]')].map((step) => step.dataset.state + ' ' + step.querySelector('.name').textContent)`);
const titleOf = ({ page }: OpenPage): Promise<string> => page.title();
const faviconOf = ({ page }: OpenPage): Promise<string | null> => page.locator('link[rel=icon]').getAttribute('href');

/** The shortest time between two announcements, in milliseconds. */
function leastPause(said: readonly (readonly [number, string])[]): number {
  return Math.min(...said.slice(1).map(([at], before) => at - said[before]![0]));
}

/** A server on a store with a task of each kind. */
async function shownTasks(): Promise<{ folder: string; url: string }> {
  const folder = await temporaryFolder();
  await startShownTasks(folder);
  const { url } = await startServer(folder);
  return { folder, url };
}

describeWithPages("a task's page", () => {
  test('follows the example of the seed live to its end, and is then as if it were loaded anew', async () => {
    const folder = await temporaryFolder();
    const task = await startSeedTask(folder);
    const { url } = await startServer(folder);
    const live = await openPage(`${url}/tasks/${SHOWN.seed}`);
    await live.page.evaluate(`
      globalThis.said = [];
      const status = document.querySelector('[role=status]');
      new MutationObserver(() => status.textContent && said.push([Date.now(), status.textContent])).observe(status, { childList: true, characterData: true, subtree: true });
    `);
    await live.page.getByText('TEST - First part').first().waitFor();
    expect(await titleOf(live)).toContain('TEST');
    await expect.poll(() => faviconOf(live)).toContain('running.svg');
    for (let step = 1; step <= 5; step++) await writeFile(`${folder}/step${step}`, '');
    await task.ended;
    await expect.poll(() => live.page.getByRole('region', { name: 'What went wrong' }).textContent()).toMatch(/ZeroDivisionError: division by zero.*TEST - Second part.*My subtask 2 in my task 2/s);
    await expect.poll(() => titleOf(live)).toBe('Failed · TEST');
    await expect.poll(() => faviconOf(live)).toContain('failed.svg');
    const anew = await openPage(`${url}/tasks/${SHOWN.seed}`);
    await expect.poll(() => logOf(live)).toBe(await logOf(anew));
    expect(await logOf(anew)).toContain('Task Finished - 3 out of 4 jobs finished');
    await expect.poll(() => stepsOf(live)).toEqual(await stepsOf(anew));
    const said = (): Promise<[number, string][]> => live.page.evaluate('said');
    await expect.poll(async () => (await said()).at(-1)?.[1]).toContain('Failed');
    expect(leastPause((await said()).filter(([, words]) => !words.includes('Failed')))).toBeGreaterThan(9_000);
    expectSound(live);
    expectSound(anew);
  });

  test('shows a task lost whose worker was killed, and what it said last', async () => {
    const folder = await temporaryFolder();
    const worker = await startScript(
      folder,
      `const taskspan = await startTaskspan({ beatIntervalMs: 50 });
       void runTask('Crawl', (updater) => updater.scope('Fetch', async (scope) => {
         scope.notify('page 21');
         await taskspan.flush();
         console.log('begun');
         await new Promise((resolve) => setTimeout(resolve, 600_000));
       }), { taskUuid: '${SHOWN.lost}' });`,
    );
    await worker.printed(/begun/);
    const { url } = await startServer(folder);
    const open = await openPage(`${url}/tasks/${SHOWN.lost}`);
    await open.page.getByText('Running for').first().waitFor();
    worker.kill('SIGKILL');
    await open.page.getByText('Lost: no word from its worker').first().waitFor();
    await expect.poll(() => open.page.getByRole('region', { name: 'What is known' }).textContent()).toContain('page 21');
    await expect.poll(() => titleOf(open)).toContain('Lost');
    expectSound(open);
  });

  test('says that its server is away, goes on when it is back, and misses nothing', async () => {
    const folder = await temporaryFolder();
    await startShownTasks(folder);
    const server = await startServer(folder);
    const proxy = await startProxy(folder, server.url);
    const open = await openPage(`${proxy}/tasks/${SHOWN.running}`);
    server.process.kill('SIGKILL');
    await server.process.ended;
    // nginx answers 502.
    await open.page.locator('.connection').waitFor();
    await startServer(folder, { port: Number(new URL(server.url).port) });
    await open.page.locator('.connection').waitFor({ state: 'hidden' });
    await writeFile(`${folder}/stop`, '');
    await expect.poll(() => titleOf(open)).toBe('Completed · Index the documents');
    const anew = await openPage(`${proxy}/tasks/${SHOWN.running}`);
    await expect.poll(() => logOf(open)).toBe(await logOf(anew));
    await expect.poll(() => stepsOf(open)).toEqual(await stepsOf(anew));
    expect(open.faults).toEqual([]);
  });

  test('asks a task to stop, by the keyboard alone, and shows what comes of it', async () => {
    const { url } = await shownTasks();
    const open = await openPage(`${url}/tasks/${SHOWN.running}`);
    const { keyboard } = open.page;
    await open.page.getByText('Cancel task').focus();
    await keyboard.press('Enter');
    await open.page.getByLabel('Reason').focus();
    await keyboard.press('Escape');
    await open.page.getByLabel('Reason').waitFor({ state: 'hidden' });
    await keyboard.press('Enter');
    await open.page.getByLabel('Reason').focus();
    await keyboard.type('the wrong folder');
    await keyboard.press('Enter');
    await open.page.getByText('Cancelled after').first().waitFor();
    // The server makes it after the state has changed.
    await expect.poll(() => open.page.locator('.failure').textContent()).toContain('the wrong folder');
    expectSound(open);
  });

  test('shows 10,000 steps: the one that failed and the one at work first, the others when they are asked for', async () => {
    const folder = await temporaryFolder();
    await taskOfSteps(`${folder}/taskspan.sqlite`, SHOWN.running, 10_000);
    const { url } = await startServer(folder);
    const open = await openPage(`${url}/tasks/${SHOWN.running}`);
    const steps = await stepsOf(open);
    expect(steps.length).toBeLessThan(500);
    expect(steps).toEqual(expect.arrayContaining(['failed Account 4321', 'running Account 10000']));
    for (const name of ['Account 4321', 'Account 10000']) expect(await open.page.getByText(name, { exact: true }).first().isVisible()).toBe(true);
    expect(await open.page.evaluate<number>(`performance.getEntriesByType('navigation')[0].transferSize`)).toBeLessThan(64 * 1024);
    expect(await axeFaults(open.page)).toEqual([]);
    expectSound(open);
  });

  test('has a log of 200,000 lines: its end at once, all of it on request; it follows, and find and copy are the browser\'s', async () => {
    const folder = await temporaryFolder();
    const task = await taskOfLines(`${folder}/taskspan.sqlite`, SHOWN.running, 199_000);
    const { url } = await startServer(folder);
    const open = await openPage(`${url}/tasks/${SHOWN.running}`);
    const { page } = open;
    const box = page.getByRole('log');
    const isAtEnd = (): Promise<boolean> => page.evaluate<boolean>(`Math.abs(document.querySelector('[role=log]').scrollTop) < 2`);
    const linesShown = (): Promise<number> => page.evaluate<number>(`document.querySelector('[role=log]').textContent.split('row ').length - 1`);
    expect(await logOf(open)).toMatch(/row 199000 of the export was written\n$/);
    expect((await logOf(open)).length).toBeLessThan(70_000);
    expect(await isAtEnd()).toBe(true);

    // It follows while the reader is at its end, and stands still while the reader is not.
    await task.say(100);
    await expect.poll(() => logOf(open)).toMatch(/row 199100 of the export was written\n$/);
    await expect.poll(isAtEnd).toBe(true);
    await box.hover();
    await page.mouse.wheel(0, -1500);
    // It moves smoothly: until it stands still there.
    await expect.poll(() => page.evaluate<number>(`document.querySelector('[role=log]').scrollTop`)).toBe(-1500);
    const under = `document.elementFromPoint(900, 500) && document.caretPositionFromPoint(900, 500).offset`;
    const before = await page.evaluate<number>(under);
    await task.say(100);
    await page.getByRole('button', { name: '100 new lines' }).waitFor();
    expect(await page.evaluate<number>(under)).toBe(before);
    await page.getByRole('button', { name: '100 new lines' }).click();
    await expect.poll(isAtEnd).toBe(true);

    await page.getByRole('button', { name: 'Load all' }).click();
    await expect.poll(linesShown).toBe(199_199);
    expect(await logOf(open)).toBe(await (await fetch(`${url}/tasks/${SHOWN.running}/log`)).text());
    expect(await page.evaluate<boolean>(`window.find('row 100000 of the export')`)).toBe(true);
    const copied = await page.evaluate<number>(`
      getSelection().selectAllChildren(document.querySelector('[role=log]'));
      getSelection().toString().split('row ').length - 1;
    `);
    expect(copied).toBe(199_199);
    expectSound(open);
  });

  test('is whole without a script: the end of the log, earlier text, attempts, steps and cancelling', async () => {
    const { folder, url } = await shownTasks();
    const running = await openPage(`${url}/tasks/${SHOWN.running}`, { javaScript: false });
    expect(await running.page.getByText(/Write rows: [\d,]+ of 5,000/).isVisible()).toBe(true);
    expect(await running.page.getByRole('log').textContent()).toContain('document 1');
    await running.page.getByText('Cancel task').click();
    await running.page.getByRole('button', { name: 'Ask it to stop' }).click();
    await running.page.waitForURL(/\/tasks\/[0-9a-f-]{36}(\?|$)/);
    const failed = await openPage(`${url}/tasks/${SHOWN.failed}`, { javaScript: false });
    expect(await failed.page.getByRole('region', { name: 'What went wrong' }).textContent()).toMatch(/could not write order 20817.*DatabaseError: deadlock detected/s);
    await failed.page.getByRole('navigation', { name: 'Attempts' }).getByRole('link').first().click();
    await failed.page.waitForURL(/attempt=1/);
    await taskOfLines(`${folder}/taskspan.sqlite`, SHOWN.seed, 5000);
    const long = await openPage(`${url}/tasks/${SHOWN.seed}`, { javaScript: false });
    await long.page.getByRole('link', { name: /Show earlier text/ }).click();
    await long.page.waitForURL(/before=/);
    expect(await long.page.getByRole('log').textContent()).not.toContain('row 5000 of');
    for (const each of [running, failed, long]) expectSound(each);
  });

  test('is shown in a frame, without actions, by the pages that may do so and by no others', async () => {
    const folder = await temporaryFolder();
    await startShownTasks(folder);
    let framed = '';
    const app = new Hono().get('/', (c) => c.html(`<!doctype html><title>host</title><iframe src="${framed}" width="800" height="600"></iframe>`));
    const host = await serveTasks({ app, port: 0 });
    onTestFinished(() => host.close());
    const { url } = await startServer(folder, { env: { TASKSPAN_FRAME_ANCESTORS: host.url } });
    framed = `${url}/tasks/${SHOWN.running}?embed=1`;
    const open = await openPage(host.url);
    const frame = open.page.frameLocator('iframe');
    await frame.getByRole('heading', { name: 'Index the documents' }).waitFor();
    await frame.getByText('Running for').first().waitFor();
    expect(await frame.getByText('Cancel task').count()).toBe(0);
    expect(await frame.getByRole('link', { name: 'All tasks' }).count()).toBe(0);
    expectSound(open);
    framed = `${url}/tasks/${SHOWN.running}`;
    const refused = await openPage(host.url);
    await expect.poll(() => refused.faults.join()).toContain('frame-ancestors');
  });

  test.each(['light', 'dark'] as const)('is for everybody in a %s theme: axe finds nothing, and nothing is wider than a phone', async (theme) => {
    const { folder, url } = await shownTasks();
    // Steps without anything inside them, more than fit.
    await taskOfFlatSteps(`${folder}/taskspan.sqlite`, SHOWN.seed, 60);
    const paths = [...Object.values(SHOWN), `${SHOWN.failed}?attempt=1`, `${SHOWN.failed}?embed=1`];
    for (const width of [1280, 320]) {
      for (const path of paths) {
        const open = await openPage(`${url}/tasks/${path}`, { theme, width });
        const found = { path, theme, width, axe: await axeFaults(open.page), sideways: await sidewaysScroll(open.page), faults: open.faults, refused: open.refused };
        expect(found).toEqual({ path, theme, width, axe: [], sideways: 0, faults: [], refused: [] });
        await open.page.context().close();
      }
    }
  });

  test('injects nothing that a task says', async () => {
    const { url } = await shownTasks();
    const hostile = await openPage(`${url}/tasks/${SHOWN.hostile}`);
    expect(await hostile.page.locator('h1').textContent()).toBe(HOSTILE.name.replace('\u202e', ''));
    expect(await hostile.page.locator('main :is(script, img, b, [onclick], [onmouseover])').count()).toBe(0);
    expect(await hostile.page.locator('a[href^="javascript:"]').count()).toBe(0);
    expectSound(hostile);
  });
});
