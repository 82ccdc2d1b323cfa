import { writeFile } from 'node:fs/promises';
import { Hono } from 'hono';
import { expect, onTestFinished, test } from 'vitest';
import { createTasksApp, memoryStore, sqliteStore } from '../../collector/index.ts';
import { serveTasks } from '../../collector/server/serve-tasks.ts';
import { startServer } from '../collector/cli/task-processes.ts';
import { ScriptedTask } from '../collector/record/scripted-task.ts';
import { startScript } from '../collector/runtime/script.ts';
import { blocksOf } from '../house/code-blocks.ts';
import { temporaryFolder } from '../support/node-process.ts';
import { startProxy } from './browser-and-proxy.ts';
import { manyTasks } from './many-tasks.ts';
import { axeFaults, describeWithPages, expectSound, openPage, sidewaysScroll } from './open-page.ts';
import type { OpenPage } from './open-page.ts';
import { HOSTILE, SHOWN, startShownTasks } from './shown-tasks.ts';

const NAMES = ['Index the documents', 'Import stock', 'Import orders', 'Import customers', 'Generate monthly report', 'Sync Salesforce'];

const names = ({ page }: OpenPage): Promise<string[]> => page.locator('.tasks .name').allTextContents();
const tab = ({ page }: OpenPage, name: string) => page.getByRole('navigation', { name: 'State' }).getByRole('link', { name });
const row = ({ page }: OpenPage, uuid: string) => page.locator(`#t-${uuid}`);

/** A server on a store with a task of each kind. */
async function shownTasks(): Promise<{ folder: string; url: string }> {
  const folder = await temporaryFolder();
  await startShownTasks(folder);
  const { url } = await startServer(folder);
  return { folder, url };
}

describeWithPages("the list's page", () => {
  test('cuts a long name at its end, also where it runs from right to left', async () => {
    const store = memoryStore();
    for (const [number, name] of ['first '.repeat(40), 'أول '.repeat(80)].entries()) {
      const task = new ScriptedTask(`01a00000-0000-7000-8000-00000000000${number}`);
      task.attempt({ name }).complete();
      await store.append(task.facts);
    }
    const server = await serveTasks({ app: createTasksApp({ store }), port: 0 });
    onTestFinished(() => server.close());
    const { page } = await openPage(`${server.url}/tasks`);
    const begins = await page.evaluate<boolean[]>(`[...document.querySelectorAll('.tasks .name')].map((name) => {
      const range = new Range();
      const text = document.createTreeWalker(name, NodeFilter.SHOW_TEXT).nextNode();
      range.setStart(text, 0);
      range.setEnd(text, 1);
      const [first, around] = [range.getBoundingClientRect(), name.getBoundingClientRect()];
      return first.left >= around.left && first.right <= around.right;
    })`);
    expect(begins).toEqual([true, true]);
  });

  test('shows all tasks and filters them, with a script and without one', async () => {
    const { url } = await shownTasks();
    for (const javaScript of [true, false]) {
      const list = await openPage(`${url}/`, { javaScript });
      expect(list.page.url()).toBe(`${url}/tasks`);
      expect(await names(list)).toEqual(expect.arrayContaining(NAMES));
      await tab(list, 'Failed').click();
      await list.page.waitForURL(`${url}/tasks?state=failed`);
      expect((await names(list)).toSorted()).toEqual([HOSTILE.name.replace('\u202e', ''), 'Import customers']);
      expect(await tab(list, 'Failed').textContent()).toMatch(/2\s*$/);
      // By the keyboard alone: a text, then more filters.
      await list.page.getByRole('searchbox').fill('cust');
      await list.page.keyboard.press('Enter');
      await list.page.waitForURL(`${url}/tasks?state=failed&q=cust`);
      expect(await names(list)).toEqual(['Import customers']);
      await tab(list, 'All').click();
      await list.page.waitForURL(`${url}/tasks?q=cust`);
      await list.page.getByText('More filters').click();
      await list.page.getByLabel('Attribute').fill('customer=42');
      await list.page.keyboard.press('Enter');
      await list.page.waitForURL(`${url}/tasks?q=cust&attribute.customer=42`);
      expect(await names(list)).toEqual(['Import customers']);
      await list.page.getByRole('link', { name: 'Without the filter Text cust' }).click();
      await list.page.waitForURL(`${url}/tasks?attribute.customer=42`);
      expect((await names(list)).toSorted()).toEqual(['Generate monthly report', 'Import customers', 'Import stock']);
      await list.page.getByRole('link', { name: 'Clear' }).click();
      await list.page.waitForURL(`${url}/tasks`);
      await row(list, SHOWN.running).click();
      await list.page.waitForURL(`${url}/tasks/${SHOWN.running}`);
      expectSound(list);
    }
  });

  test('says that nothing fits a filter, that a filter is wrong, and that there is no task yet', async () => {
    const { url } = await shownTasks();
    const nothing = await openPage(`${url}/tasks?name=Nobody`);
    expect(await nothing.page.getByText('No task fits this filter.').isVisible()).toBe(true);
    const wrong = await openPage(`${url}/tasks?state=broken&name=Import*`);
    expect(await wrong.page.getByRole('alert').textContent()).toMatch(/state: .*running.*broken/s);
    expect(await wrong.page.getByLabel('Name', { exact: true }).inputValue()).toBe('Import*');
    expect(wrong.refused).toEqual([`400 ${url}/tasks?state=broken&name=Import*`]);
    const unknown = await openPage(`${url}/tasks?stat=failed`);
    expect(await unknown.page.getByRole('alert').textContent()).toContain('stat');
    const empty = await startServer(await temporaryFolder());
    const none = await openPage(empty.url);
    expect(await none.page.getByText('No task has been seen yet.').isVisible()).toBe(true);
  });

  test('is live: rows change in place, one that left the filter turns quiet, and a new one is announced', async () => {
    const { folder, url } = await shownTasks();
    const list = await openPage(`${url}/tasks?state=running`);
    const running = row(list, SHOWN.running);
    const before = await running.locator('.brief').textContent();
    await expect.poll(() => running.locator('.brief').textContent()).not.toBe(before);
    await writeFile(`${folder}/stop`, '');
    await expect.poll(() => running.locator('.state').textContent()).toBe('Completed');
    await expect.poll(() => running.getAttribute('class')).toBe('left');
    await startScript(folder, `await startTaskspan(); await runTask('Reindex', () => new Promise((resolve) => setTimeout(resolve, 600_000)));`);
    await list.page.getByRole('link', { name: '1 new task: show' }).waitFor();
    await expect.poll(() => tab(list, 'Running').textContent()).toMatch(/1\s*$/);
    await expect.poll(() => list.page.getByRole('status').textContent()).toBe('1 new task: show');
    await list.page.getByRole('link', { name: '1 new task: show' }).click();
    await expect.poll(() => names(list)).toEqual(['Reindex']);
    expectSound(list);
  });

  test('goes on after its server was killed and came back, through nginx that answers 502 meanwhile', async () => {
    const folder = await temporaryFolder();
    await startShownTasks(folder);
    const server = await startServer(folder);
    const proxy = await startProxy(folder, server.url);
    const list = await openPage(`${proxy}/tasks`);
    server.process.kill('SIGKILL');
    await server.process.ended;
    await list.page.locator('.connection').waitFor();
    expect(await names(list)).toEqual(expect.arrayContaining(NAMES));
    await startServer(folder, { port: Number(new URL(server.url).port) });
    await list.page.locator('.connection').waitFor({ state: 'hidden' });
    await writeFile(`${folder}/stop`, '');
    await expect.poll(() => row(list, SHOWN.running).locator('.state').textContent()).toBe('Completed');
    expect(list.faults).toEqual([]);
  });

  test('of a store that fails says so instead of showing an empty list, and heals by itself, without a script too', async () => {
    const folder = await temporaryFolder();
    await startShownTasks(folder);
    const store = sqliteStore(`${folder}/taskspan.sqlite`);
    onTestFinished(() => store.close());
    let fails = true;
    const failing = new Proxy(store, {
      get: (target, name) => {
        const method = Reflect.get(target, name) as ((...args: unknown[]) => unknown) | undefined;
        if (typeof method !== 'function') return method;
        return fails && ['tasks', 'stored', 'storedMany'].includes(String(name)) ? () => Promise.reject(new Error('disk on fire')) : method.bind(target);
      },
    });
    const server = await serveTasks({ app: createTasksApp({ store: failing }), port: 0 });
    onTestFinished(() => server.close());
    const { url } = server;
    const list = await openPage(`${url}/tasks`, { javaScript: false });
    const task = await openPage(`${url}/tasks/${SHOWN.failed}`, { javaScript: false });
    for (const { page } of [list, task]) expect(await page.getByRole('alert').textContent()).toContain('can’t be read');
    fails = false;
    await expect.poll(() => names(list)).toEqual(expect.arrayContaining(NAMES));
    await task.page.getByRole('heading', { name: 'Import customers' }).waitFor();
  });

  test('is there under a prefix behind nginx, and mounted in another app', async () => {
    const { folder, url } = await shownTasks();
    const [, prefixed = ''] = blocksOf('docs/frameworks.md', 'nginx');
    const proxy = await startProxy(folder, url, prefixed.replace('http://127.0.0.1:4320', url));
    const store = sqliteStore(`${folder}/taskspan.sqlite`);
    onTestFinished(() => store.close());
    const app = new Hono().get('/', (c) => c.text('the home of its host')).route('/ops/jobs', createTasksApp({ store }));
    const host = await serveTasks({ app, port: 0 });
    onTestFinished(() => host.close());
    expect(await (await fetch(host.url)).text()).toBe('the home of its host');
    for (const base of [`${proxy}/jobs`, `${host.url}/ops/jobs`]) {
      const list = await openPage(`${base}/tasks`);
      await tab(list, 'Queued').click();
      await list.page.waitForURL(`${base}/tasks?state=queued`);
      await row(list, SHOWN.queued).getByRole('link').click();
      await list.page.waitForURL(`${base}/tasks/${SHOWN.queued}`);
      await list.page.getByRole('link', { name: 'All tasks' }).click();
      await list.page.waitForURL(`${base}/tasks`);
      expectSound(list);
    }
  });

  test('is for everybody: axe finds nothing, the keyboard reaches all, nothing is wider than a phone', async () => {
    const { url } = await shownTasks();
    for (const theme of ['light', 'dark'] as const) {
      for (const width of [1280, 320]) {
        for (const path of ['', '?state=failed&attribute.customer=42&name=Import*', '?state=broken', '?name=Nobody']) {
          const list = await openPage(`${url}/tasks${path}`, { theme, width });
          expect({ path, theme, width, axe: await axeFaults(list.page), sideways: await sidewaysScroll(list.page) }).toEqual({ path, theme, width, axe: [], sideways: 0 });
          expect(list.faults).toEqual([]);
        }
      }
    }
    const list = await openPage(`${url}/tasks`);
    await list.page.getByText('More filters').click();
    expect(await axeFaults(list.page)).toEqual([]);
    await list.page.keyboard.press('j');
    await list.page.keyboard.press('j');
    await list.page.keyboard.press('k');
    expect(await list.page.evaluate(`document.activeElement === document.querySelector('.tasks .name')`)).toBe(true);
    await list.page.keyboard.press('/');
    await list.page.keyboard.type('/jk');
    expect(await list.page.getByRole('searchbox').inputValue()).toBe('/jk');
  });

  test('filters 100,000 tasks, and pages through them', async () => {
    const folder = await temporaryFolder();
    await manyTasks(`${folder}/taskspan.sqlite`, 100_000);
    const { url } = await startServer(folder);
    const list = await openPage(`${url}/tasks`);
    expect(await tab(list, 'All').textContent()).toContain('100,000');
    expect(await tab(list, 'Failed').textContent()).toContain('10,000');
    const first = await names(list);
    await list.page.getByRole('link', { name: 'Older tasks' }).click();
    await list.page.waitForURL(/cursor=/);
    const second = await names(list);
    expect(new Set([...first, ...second]).size).toBe(100);
    await list.page.getByRole('link', { name: 'Newest tasks' }).click();
    await list.page.waitForURL(`${url}/tasks`);
    expect(await names(list)).toEqual(first);
    await list.page.goto(`${url}/tasks?state=failed&attribute.customer=420&q=long`);
    expect((await names(list)).length).toBeGreaterThan(0);
    expect(await list.page.locator('.tasks .state').allTextContents()).toEqual((await names(list)).map(() => 'Failed'));
    await list.page.goto(`${url}/tasks?name=import*`);
    expect(await tab(list, 'All').textContent()).toMatch(/[\d,]+\+/);
    expect(await names(list)).toHaveLength(50);
    expectSound(list);
  });
});
