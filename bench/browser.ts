import { chromium } from 'playwright-core';
import type { CDPSession, Page } from 'playwright-core';
import { startChildServer } from './child-server.ts';
import type { Figure } from './figure.ts';
import type { Effort } from './rounds.ts';

const CHROMIUM = '/usr/bin/chromium';
const LINES_A_SECOND = 1000;
const LONG_LOG = 200_000;
/** A frame that takes longer has left out the one after it, at 60 a second. */
const LATE_MS = 25;

/** What a page costs a browser: one that follows 1,000 lines a second, and one of 200,000 lines. */
export async function measure({ quick }: Effort): Promise<Figure[]> {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
  try {
    const newPage = async (): Promise<Page> => (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
    return [...(await following(await newPage(), quick ? 3 : 20)), ...(await longLog(await newPage()))];
  } finally {
    await browser.close();
  }
}

async function following(page: Page, seconds: number): Promise<Figure[]> {
  await using server = startChildServer('browser-server.ts', ['2000', String(LINES_A_SECOND)]);
  await page.goto(await server.answer<string>());
  await page.locator('.lines pre').first().waitFor();
  const session = await metricsOf(page);
  const before = await taskSeconds(session);
  const linesBefore = await lineOf(page);
  const frames = await framesOf(page, seconds * 1000);
  const busy = ((await taskSeconds(session)) - before) / seconds;
  const shown = ((await lineOf(page)) - linesBefore) / seconds;
  return [
    { name: `a page that follows ${LINES_A_SECOND} lines a second: main thread`, unit: '%', ours: busy * 100, target: { of: 'ours', most: 25 } },
    { name: 'lines a second that it shows', unit: '', ours: shown, target: { of: 'ours', least: 0.95 * LINES_A_SECOND } },
    { name: `frames that took longer than ${LATE_MS} ms, of 100`, unit: '%', ours: (100 * frames.filter((ms) => ms > LATE_MS).length) / frames.length, target: { of: 'ours', most: 2 } },
  ];
}

async function longLog(page: Page): Promise<Figure[]> {
  await using server = startChildServer('browser-server.ts', [String(LONG_LOG), '0']);
  const url = await server.answer<string>();
  const opened = await timed(async () => {
    await page.goto(url);
    await page.locator('.whole').waitFor();
  });
  const whole = await timed(async () => {
    await page.click('.whole');
    await page.locator('.earlier').waitFor({ state: 'hidden' });
  });
  const scrolled = framesOf(page, 3000);
  await page.hover('.box');
  for (let step = 0; step < 40; step++) await page.mouse.wheel(0, -2000);
  const frames = await scrolled;
  const found = await timed(() => page.evaluate("window.find('line 1000: ')"));
  const copied = await timed(() => page.evaluate("(getSelection().selectAllChildren(document.querySelector('.lines')), getSelection().toString().length)"));
  return [
    { name: `a log of ${LONG_LOG} lines: its page`, unit: 'ms', ours: opened },
    { name: 'all of it', unit: 'ms', ours: whole },
    { name: `frames while it is scrolled that took longer than ${LATE_MS} ms, of 100`, unit: '%', ours: (100 * frames.filter((ms) => ms > LATE_MS).length) / frames.length },
    { name: "the browser's own search from end to end", unit: 'ms', ours: found, target: { of: 'ours', most: 5000 } },
    { name: 'all of it selected and read', unit: 'ms', ours: copied },
  ];
}

/** The times between frames, in milliseconds. */
function framesOf(page: Page, ms: number): Promise<number[]> {
  return page.evaluate<number[]>(`new Promise((resolve) => {
    const frames = [];
    const began = performance.now();
    let last = began;
    const frame = (now) => {
      frames.push(now - last);
      last = now;
      if (now - began < ${ms}) requestAnimationFrame(frame);
      else resolve(frames.slice(1));
    };
    requestAnimationFrame(frame);
  })`);
}

/** The number of the last line in the page. */
function lineOf(page: Page): Promise<number> {
  return page.evaluate<number>("Number(document.querySelector('.lines pre:last-of-type').textContent.trimEnd().split('line ').at(-1).split(':')[0])");
}

async function metricsOf(page: Page): Promise<CDPSession> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  return session;
}

/** How long the main thread has been at work, in seconds. */
async function taskSeconds(session: CDPSession): Promise<number> {
  const { metrics } = await session.send('Performance.getMetrics');
  return metrics.find(({ name }) => name === 'TaskDuration')!.value;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
