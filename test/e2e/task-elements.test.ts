import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { expect, onTestFinished, test } from 'vitest';
import { createTasksApp } from '../../collector/server/tasks-app.ts';
import type { TasksAppOptions } from '../../collector/server/tasks-app.ts';
import { serveTasks } from '../../collector/server/serve-tasks.ts';
import { memoryStore } from '../../collector/store/sqlite/sqlite-store.ts';
import type { TaskStore } from '../../collector/store/task-store.ts';
import type { Fact } from '../../src/fact.ts';
import { axeFaults, describeWithPages, expectSound, openPage } from './open-page.ts';

const UUID = '01a00000-0000-7000-8000-0000000000aa';
const NOW = Date.now() * 1000;
const SPAN = { taskUuid: UUID, traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), taskSpanId: 'b'.repeat(16) };

const BEGIN: Fact = { kind: 'task-start', span: SPAN, seq: 0, time: NOW, name: 'Import orders', attempt: 1, attributes: {}, workerId: 'w', workerIntervalMs: 0, sampled: true };
const END: Fact = { kind: 'task-end', span: SPAN, seq: 9_000_000, time: NOW + 9_000_000, name: 'Import orders', outcome: 'completed', duration: 9_000_000, exception: '', jobs: { total: 0, finished: 0, failed: 0 } };

function lines(from: number, to: number): Fact[] {
  return Array.from({ length: to - from }, (_, at) => ({
    kind: 'notification', span: SPAN, seq: from + at + 1, time: NOW + from + at, message: `line ${from + at} with ümlauts`,
  }));
}

/** A task with so many lines, served to the browser. */
async function served(count: number, options: Partial<TasksAppOptions> = {}): Promise<{ store: TaskStore; url: string; origin: string }> {
  const store = memoryStore();
  await store.append([BEGIN]);
  for (let from = 0; from < count; from += 20_000) await store.append(lines(from, Math.min(count, from + 20_000)));
  const server = await serveTasks({ app: createTasksApp({ store, ...options }), port: 0 });
  onTestFinished(() => server.close());
  return { store, url: `${server.url}/tasks/${UUID}`, origin: server.url };
}

const NAMES = ['taskspan-task', 'taskspan-progress', 'taskspan-log'] as const;

/** The text of the log that is in the page, byte for byte. */
function shownLog(page: Page): Promise<string> {
  return page.evaluate<string>("[...document.querySelectorAll('.lines pre')].map((block) => block.textContent).join('')");
}

async function wholeLog(url: string): Promise<string> {
  return (await fetch(`${url}/log`)).text();
}

/** The line that stands some pixels below the upper edge of the log. */
function lineInSight(page: Page): Promise<string> {
  return page.evaluate<string>(`(() => {
    const box = document.querySelector('.box').getBoundingClientRect();
    const { startContainer, startOffset } = document.caretRangeFromPoint(box.x + 60, box.y + 80);
    const before = startContainer.textContent.lastIndexOf('\\n', startOffset - 1) + 1;
    return startContainer.textContent.slice(before).split('\\n', 1)[0];
  })()`);
}

/** How far what is in sight is from the end of the log, in pixels: what comes before it changes nothing in that. */
function distanceToEnd(page: Page): Promise<number> {
  return page.evaluate<number>("-document.querySelector('.box').scrollTop");
}

/** The line that the mark is in, if it is in sight. */
function lineBelow(page: Page): Promise<string> {
  return page.evaluate<string>(`(() => {
    const [range] = CSS.highlights.get('log-found');
    const { top } = range.getBoundingClientRect();
    const box = document.querySelector('.box').getBoundingClientRect();
    const { data } = range.startContainer;
    const begin = data.lastIndexOf('\\n', range.startOffset) + 1;
    return top > box.top && top < box.bottom ? data.slice(begin).split('\\n', 1)[0] : '';
  })()`);
}

async function scrollUp(page: Page, pixels: number): Promise<void> {
  await page.evaluate(`document.querySelector('.box').scrollTop -= ${pixels}`);
}

describeWithPages('the page of a task that failed', () => {
  test('begins anew when another attempt has begun', async () => {
    const { store, url } = await served(1);
    await store.append([{ ...END, outcome: 'failed', exception: 'no connection' }]);
    const opened = await openPage('about:blank');
    const { page } = opened;
    await page.clock.install();
    await page.goto(url);
    await expect.poll(() => page.title()).toBe('Failed · Import orders');
    await page.clock.runFor(30_000);
    expect(await page.title()).toBe('Failed · Import orders');
    const span = { ...SPAN, spanId: 'c'.repeat(16), taskSpanId: 'c'.repeat(16) };
    await store.append([{ ...BEGIN, span, time: NOW + 20_000_000, attempt: 2 }]);
    await expect.poll(async () => {
      await page.clock.runFor(10_000);
      return page.title();
    }).toBe('Running · Import orders');
    expectSound(opened);
  });
});

describeWithPages('the page of a task that runs', () => {
  const spanOf = (number: number): Fact['span'] => ({ ...SPAN, spanId: `d${number.toString(16).padStart(15, '0')}` });
  const step = (number: number, around = SPAN): Fact => ({ kind: 'scope-start', span: spanOf(number), seq: 0, time: NOW + number, name: `Step ${number}`, parentSpanId: around.spanId });
  const done = (number: number, heading = false): Fact => ({ kind: 'scope-end', span: spanOf(number), seq: 9, time: NOW + number + 50, outcome: 'completed', duration: 50, heading });
  const isOpen = (page: Page, number: number): Promise<boolean> => page.evaluate<boolean>(`document.querySelector('#s-${spanOf(number).spanId} > details').open`);
  const toggle = (page: Page, number: number): Promise<void> => page.click(`#s-${spanOf(number).spanId} > details > summary`);

  test('opens the steps at work and closes those that are done; what a person has opened or closed stays so', async () => {
    const { store, url } = await served(0);
    await store.append([step(1), step(2, spanOf(1)), done(2), done(1, true), step(10), step(11, spanOf(10)), step(20), step(21, spanOf(20))]);
    const opened = await openPage(url);
    const { page } = opened;
    expect([await isOpen(page, 1), await isOpen(page, 10), await isOpen(page, 20)]).toEqual([false, true, true]);
    await toggle(page, 1);
    await toggle(page, 10);
    await page.mouse.move(5, 5);
    await store.append([step(12, spanOf(10)), done(21), done(20, true), step(30), step(31, spanOf(30))]);
    await expect.poll(() => page.locator('.steps').textContent()).toContain('Step 31');
    await expect.poll(async () => [await isOpen(page, 20), await isOpen(page, 30)]).toEqual([false, true]);
    expect([await isOpen(page, 1), await isOpen(page, 10)]).toEqual([true, false]);
    // What came while it was closed is there as soon as it is opened.
    await toggle(page, 10);
    await expect.poll(() => page.locator(`#s-${spanOf(12).spanId}`).isVisible()).toBe(true);
    expectSound(opened);
  });

  test('closes nothing under the pointer', async () => {
    const { store, url } = await served(0);
    await store.append([step(1), step(2, spanOf(1))]);
    const { page } = await openPage(url);
    await page.hover(`#s-${spanOf(2).spanId}`);
    await store.append([done(2), done(1, true), step(3)]);
    await expect.poll(() => page.locator('.steps').textContent()).toContain('Step 3');
    expect(await isOpen(page, 1)).toBe(true);
  });

  test('keeps the step at work in sight, unless the reader has scrolled away from it', async () => {
    const { store, url } = await served(0);
    const steps = (from: number, to: number): Fact[] => Array.from({ length: to - from }, (_, at) => [...(from + at > 1 ? [done(from + at - 1)] : []), step(from + at)]).flat();
    await store.append(steps(1, 60));
    const opened = await openPage(url);
    const { page } = opened;
    const isInSight = (number: number): Promise<boolean> =>
      page.evaluate<boolean>(`(() => {
        const row = document.querySelector('#s-${spanOf(number).spanId}')?.getBoundingClientRect();
        const list = document.querySelector('.steps').getBoundingClientRect();
        return row !== undefined && row.top >= list.top && row.bottom <= list.bottom;
      })()`);
    await expect.poll(() => isInSight(59)).toBe(true);
    await store.append(steps(60, 80));
    await expect.poll(() => isInSight(79)).toBe(true);
    await page.evaluate("new Promise((scrolled) => { const list = document.querySelector('.steps'); list.addEventListener('scroll', scrolled, { once: true }); list.scrollTop = 0; })");
    expect(await isInSight(1)).toBe(true);
    await store.append(steps(80, 90));
    await expect.poll(() => page.locator('.steps').textContent()).toContain('Step 89');
    expect(await isInSight(1)).toBe(true);
    expectSound(opened);
  });

  test('says what happens at most once in ten seconds, and the end at once', async () => {
    const { store, url } = await served(0);
    const opened = await openPage('about:blank');
    const { page } = opened;
    await page.clock.install();
    await page.goto(url);
    await page.evaluate("(window.said = [], new MutationObserver(() => window.said.push([Date.now(), document.querySelector('[role=status]').textContent])).observe(document.querySelector('taskspan-task > [role=status]'), { childList: true, characterData: true, subtree: true }))");
    for (let number = 1; number <= 20; number++) {
      await store.append([step(number)]);
      await expect.poll(async () => {
        await page.clock.runFor(150);
        return page.locator('.lead').textContent();
      }).toBe(`Step ${number}`);
    }
    // By the clock of the page, which a machine that is slow lets go on further.
    const said = (): Promise<[number, string][]> => page.evaluate('window.said');
    const times = (await said()).map(([at]) => at);
    expect(times.length).toBeGreaterThan(0);
    for (const [before, at] of times.slice(1).entries()) expect(at - times[before]!).toBeGreaterThan(9_000);
    await store.append([END]);
    await expect.poll(async () => {
      await page.clock.runFor(150);
      return (await said()).at(-1)?.[1];
    }).toBe('Completed in 9.0 s');
    expectSound(opened);
  });

  test('notifies a person who asked for it when it is done', async () => {
    const { store, url } = await served(3);
    const { page } = await openPage(url, { permissions: ['notifications'] });
    await page.evaluate("(window.shown = [], window.Notification = class extends EventTarget { static requestPermission = async () => 'granted'; constructor(title, { body }) { super(); window.shown.push(title, body); } })");
    await page.click('.notify');
    await expect.poll(() => page.locator('.notify').textContent()).toBe('You will be notified');
    await store.append([END]);
    await expect.poll(() => page.evaluate('window.shown')).toEqual(['Completed · Import orders', 'Completed in 9.0 s']);
    await expect.poll(() => page.title()).toBe('Completed · Import orders');
    await expect.poll(() => page.locator('link[rel=icon]').getAttribute('href')).toContain('completed.svg');
  });
});

describeWithPages('the log in a page', () => {
  test('has its end first; earlier text comes as one scrolls up, and what is being read stays where it is', async () => {
    const { url } = await served(6000);
    const opened = await openPage(url);
    const { page } = opened;
    const whole = await wholeLog(url);
    const first = await shownLog(page);
    expect(whole.endsWith(first)).toBe(true);
    expect(Buffer.byteLength(first)).toBeLessThanOrEqual(64 * 1024);
    await scrollUp(page, 1e6);
    const bottom = await distanceToEnd(page);
    await expect.poll(async () => (await shownLog(page)).length).toBeGreaterThan(first.length);
    expect(await distanceToEnd(page)).toBe(bottom);
    await expect.poll(async () => {
      await scrollUp(page, 1e6);
      return (await shownLog(page)) === whole;
    }).toBe(true);
    await expect.poll(() => page.locator('.earlier').isHidden()).toBe(true);
    await page.evaluate(`document.querySelector('.box').scrollTop = -1e9`);
    expect(await lineInSight(page)).toMatch(/^\tline [1-9] /);
    expectSound(opened);
  });

  test('comes whole on request, and is selected and copied like any text', async () => {
    const { url } = await served(3000);
    const opened = await openPage(url, { permissions: ['clipboard-read', 'clipboard-write'] });
    const { page } = opened;
    const whole = await wholeLog(url);
    await page.click('.whole');
    await expect.poll(async () => (await shownLog(page)) === whole).toBe(true);
    await expect.poll(() => page.locator('.whole').isHidden()).toBe(true);
    await page.evaluate("getSelection().selectAllChildren(document.querySelector('.lines'))");
    await page.keyboard.press('Control+C');
    const copied = await page.evaluate<string>('navigator.clipboard.readText()');
    expect(copied.trimEnd() === whole.trimEnd()).toBe(true);
    expectSound(opened);
  });

  test('is found in by the browser itself', async () => {
    const { url } = await served(4000);
    const { page } = await openPage(url);
    await page.click('.whole');
    await expect.poll(() => page.locator('.whole').isHidden()).toBe(true);
    expect(await page.evaluate<boolean>("window.find('line 1234 with')")).toBe(true);
  });

  test('follows while the reader is at its end, and otherwise counts the lines that are new', async () => {
    const { url, store } = await served(2000);
    const opened = await openPage(url);
    const { page } = opened;
    await store.append(lines(2000, 2012));
    await expect.poll(() => shownLog(page)).toContain('line 2011 ');
    await expect.poll(() => page.evaluate<number>("document.querySelector('.box').scrollTop")).toBe(0);
    expect(await page.locator('.new').isHidden()).toBe(true);

    await scrollUp(page, 5000);
    const seen = await lineInSight(page);
    await store.append(lines(2012, 2024));
    await expect.poll(() => page.locator('.new').textContent()).toBe('↓ 12 new lines');
    await store.append(lines(2024, 3600));
    await expect.poll(() => page.locator('.new').textContent()).toBe('↓ 1,588 new lines');
    expect(await lineInSight(page)).toBe(seen);
    await page.click('.new');
    await page.locator('.new').waitFor({ state: 'hidden' });
    await expect.poll(() => page.evaluate<number>("document.querySelector('.box').scrollTop")).toBe(0);
    expect((await wholeLog(url)).endsWith(await shownLog(page))).toBe(true);
    expectSound(opened);
  });

  test('shows the time before each line on demand, also of lines that come later', async () => {
    const { url, store } = await served(50);
    const opened = await openPage(url);
    const { page } = opened;
    await page.check('.times');
    await expect.poll(() => shownLog(page)).toMatch(/^\d\d:\d\d:\d\d\.\d{3} \tline 0 /);
    await store.append(lines(50, 60));
    await expect.poll(() => shownLog(page)).toMatch(/\n\d\d:\d\d:\d\d\.\d{3} \tline 59 /);
    const whole = await wholeLog(url);
    expect((await shownLog(page)).replaceAll(/^\d\d:\d\d:\d\d\.\d{3} /gm, '')).toBe(whole);
    await page.uncheck('.times');
    await expect.poll(async () => (await shownLog(page)) === whole).toBe(true);
    expectSound(opened);
  });

  test('of a failed task leads from its error to the lines of the error', async () => {
    const { url, store } = await served(0);
    const span = { ...SPAN, spanId: 'c'.repeat(16) };
    const error = { name: 'TypeError', message: 'no such order' };
    await store.append([
      { kind: 'scope-start', span, seq: 0, time: NOW + 1, name: 'Write', parentSpanId: SPAN.spanId },
      { kind: 'exception', span, seq: 1, time: NOW + 2, type: 'TypeError', message: 'no such order' },
      { kind: 'scope-end', span, seq: 2, time: NOW + 2, name: 'Write', outcome: 'failed', duration: 1, error, heading: false },
    ] as Fact[]);
    await store.append(lines(0, 5000));
    const opened = await openPage(url);
    const { page } = opened;
    expect(await shownLog(page)).not.toContain('no such order');
    await page.click('.in-log');
    await expect.poll(() => shownLog(page)).toContain('TypeError: no such order');
    await expect.poll(() => page.locator('.later').count()).toBe(1);
    // Back at the end it follows again.
    await page.evaluate("document.querySelector('.box').scrollTop = 0");
    await expect.poll(() => shownLog(page)).toContain('line 4999 ');
    expectSound(opened);
  });

  test('is searched by the server where the document has only a part of it, and each place is marked', async () => {
    const { url, store } = await served(3000);
    await store.append([{ kind: 'notification', span: SPAN, seq: 5000, time: NOW + 5000, message: 'a needle, and another Needle' }]);
    await store.append(lines(3000, 9000));
    const opened = await openPage(url);
    const { page } = opened;
    const found = (): Promise<string[]> => page.evaluate("[...CSS.highlights.get('log-found') ?? []].map((range) => range.toString())");
    await page.fill('.find input', 'NEEDLE');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.locator('.found').textContent()).toBe('1 of 2');
    await expect.poll(found).toEqual(['needle']);
    await page.keyboard.press('Enter');
    await expect.poll(found).toEqual(['Needle']);
    await expect.poll(() => lineBelow(page)).toContain('another Needle');
    await page.keyboard.press('Shift+Enter');
    await expect.poll(() => page.locator('.found').textContent()).toBe('1 of 2');
    await page.fill('.find input', 'line 8999 with');
    await page.keyboard.press('Enter');
    await expect.poll(found).toEqual(['line 8999 with']);
    await page.fill('.find input', 'not in it');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.locator('.found').textContent()).toBe('Not found');
    expectSound(opened);
  });

  test('of more than 200,000 lines is never whole in the document, and can be read to its beginning', async () => {
    const { url, store } = await served(210_000);
    const opened = await openPage(url);
    const { page } = opened;
    expect(await page.locator('.whole').textContent()).toBe('Show the beginning');
    const count = async (): Promise<number> => (await shownLog(page)).split('\n').length - 1;
    await expect.poll(() => page.evaluate<boolean>(`(() => {
      document.querySelector('.box').scrollTop = -1e9;
      return document.querySelector('.lines pre').textContent.startsWith('\\tline 0 ');
    })()`), { timeout: 200_000 }).toBe(true);
    expect(await count()).toBeLessThanOrEqual(200_500);
    await store.append(lines(210_000, 210_010));
    await expect.poll(() => page.locator('.new').textContent()).toMatch(/new lines$/);
    await page.click('.new');
    await expect.poll(() => shownLog(page)).toContain('line 210009 ');
    expect((await wholeLog(url)).endsWith(await shownLog(page))).toBe(true);
    expectSound(opened);
  });
});

describeWithPages('an element in a page of somebody else', () => {
  /** A page of another origin that may load scripts and data of the server alone, and has the elements of this task. */
  async function hosted(count: number, token?: string): Promise<{ host: string; store: TaskStore; url: string }> {
    let html = '';
    let policy = '';
    const server = createServer((request, response) => {
      response.writeHead(request.url === '/' ? 200 : 404, { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': policy }).end(html);
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { store, url, origin } = await served(count, { access: { allowedOrigins: [host], ...(token !== undefined && { token }) } });
    policy = `default-src 'none'; script-src ${origin}; connect-src ${origin}; img-src data:`;
    html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Host</title><link rel="icon" href="data:,">
<script type="module" src="${origin}/tasks/assets/element.js"></script></head>
<body><main><h1>Host</h1>${NAMES.map((name) => `<${name}${token === undefined ? ` src="${url}"` : ''}></${name}>`).join('')}</main></body></html>`;
    return { host, store, url };
  }

  /** The text that an element shows. */
  const shown = (page: Page, name: string): Promise<string> =>
    page.evaluate<string>(`[...document.querySelector('${name}').shadowRoot?.children ?? []].filter((part) => part.localName !== 'svg').map((part) => part.innerText).join(' ').replaceAll(/\\s+/g, ' ')`);

  test('shows a task as it goes on and ends, in shapes and words, and leaves the page around it alone', async () => {
    const { host, store } = await hosted(100);
    const opened = await openPage(host);
    const { page } = opened;
    await page.evaluate("document.addEventListener('taskspan-end', ({ target, detail }) => (document.body.dataset[target.localName.slice(9)] = detail.state))");
    await expect.poll(() => shown(page, 'taskspan-task')).toMatch(/Import orders Running .*line 99 /);
    await expect.poll(() => shown(page, 'taskspan-progress')).toContain('Running');
    await expect.poll(() => shown(page, 'taskspan-log')).toContain('line 99 ');
    expect(await page.evaluate('document.activeElement.localName')).toBe('body');
    await store.append([...lines(100, 110), END]);
    await expect.poll(() => shown(page, 'taskspan-task')).toMatch(/Completed in 9.0 s .*line 109 /);
    await expect.poll(() => shown(page, 'taskspan-progress')).toContain('Completed in 9.0 s');
    await expect.poll(() => shown(page, 'taskspan-log')).toContain('Task Finished');
    await expect.poll(() => page.evaluate("({ ...document.body.dataset })")).toEqual({ task: 'completed', progress: 'completed' });
    // A task in a page of somebody else has no action, and no way away from it.
    expect(await page.evaluate("document.querySelector('taskspan-task').shadowRoot.querySelectorAll('form, nav').length")).toBe(0);
    expect(await page.title()).toBe('Host');
    expect(await axeFaults(page)).toEqual([]);
    expectSound(opened);
  });

  test('sends the token that it is given, and asks a function for it', async () => {
    const { host, url } = await hosted(5, 'a-token-of-this-test');
    const { page, faults } = await openPage(host);
    for (const name of NAMES) {
      await page.evaluate(`(() => {
        const element = document.querySelector('${name}');
        element.token = async () => 'a-token-of-this-test';
        element.src = '${url}';
      })()`);
    }
    await expect.poll(() => shown(page, 'taskspan-task')).toContain('Import orders');
    await expect.poll(() => shown(page, 'taskspan-progress')).toContain('Running');
    await expect.poll(() => shown(page, 'taskspan-log')).toContain('line 4 ');
    expect(faults).toEqual([]);
  });

  test('says that there is no such task, and shows another one when its src changes', async () => {
    const { host, url } = await hosted(5);
    const { page } = await openPage(host);
    await page.evaluate(`for (const name of ${JSON.stringify(NAMES)}) document.querySelector(name).src = '${url.slice(0, -1)}0'`);
    await expect.poll(() => shown(page, 'taskspan-task')).toBe('There is no such task');
    await expect.poll(() => shown(page, 'taskspan-progress')).toContain('There is no such task');
    await expect.poll(() => shown(page, 'taskspan-log')).toContain('There is no such task');
    await page.evaluate(`for (const name of ${JSON.stringify(NAMES)}) document.querySelector(name).src = '${url}'`);
    await expect.poll(() => shown(page, 'taskspan-task')).toContain('Import orders');
    await expect.poll(() => shown(page, 'taskspan-progress')).toContain('Running');
  });

  test('is styled by custom properties and parts, and follows the theme of the page', async () => {
    const { host } = await hosted(5);
    const { page } = await openPage(host, { theme: 'dark' });
    await expect.poll(() => shown(page, 'taskspan-task')).toContain('Import orders');
    const colour = (): Promise<string> => page.evaluate("getComputedStyle(document.querySelector('taskspan-task').shadowRoot.querySelector('h1')).color");
    // The page around it has no dark theme.
    expect(await colour()).toBe('rgb(22, 25, 29)');
    await page.evaluate(`(() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync('taskspan-task { --taskspan-text: rgb(1, 2, 3); } taskspan-task::part(name) { font-weight: 300; }');
      document.adoptedStyleSheets.push(sheet);
    })()`);
    expect(await colour()).toBe('rgb(1, 2, 3)');
    expect(await page.evaluate("getComputedStyle(document.querySelector('taskspan-task').shadowRoot.querySelector('h1')).fontWeight")).toBe('300');
  });
});

