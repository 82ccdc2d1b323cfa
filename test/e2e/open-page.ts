/** Pages of taskspan in a real Chromium, with all that goes wrong in them. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import { CHROMIUM, CHROMIUM_ARGS, PAGE_MS } from './browser-and-proxy.ts';
import { describeWith } from './describe-with.ts';

/** How a page is looked at. */
export interface Sight {
  theme?: 'light' | 'dark';
  /** Width of the window. Default 1280. */
  width?: number;
  height?: number;
  /** Default `true`. */
  javaScript?: boolean;
  /** What the browser may do without asking, such as `notifications`. Default none. */
  permissions?: string[];
}

/** A page in a context of its own. */
export interface OpenPage {
  readonly page: Page;
  /** What went wrong so far: violations of its policy, errors, warnings of the console, dialogs. Answers with an error are in `refused`. */
  readonly faults: string[];
  /** `STATUS URL` of what was asked for and answered with an error, or not at all. */
  readonly refused: string[];
}

let browser: Browser | undefined;

/** A suite with one browser for all its tests. It is skipped, and in CI fails, where Debian's Chromium is missing. */
export function describeWithPages(name: string, suite: () => void): void {
  describeWith(existsSync(CHROMIUM), "Debian's package chromium", name, () => {
    beforeAll(async () => void (browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_ARGS })));
    afterAll(async () => {
      await browser?.close();
      browser = undefined;
    });
    suite();
  });
}

/** Opens an address. The page is closed after the test. */
export async function openPage(url: string, sight: Sight = {}): Promise<OpenPage> {
  const { theme = 'light', width = 1280, height = 800, javaScript = true, permissions = [] } = sight;
  const context = await browser!.newContext({ colorScheme: theme, viewport: { width, height }, javaScriptEnabled: javaScript, permissions, locale: 'en-GB', timezoneId: 'UTC' });
  onTestFinished(() => context.close());
  context.setDefaultTimeout(PAGE_MS);
  const page = await context.newPage();
  const faults: string[] = [];
  const refused: string[] = [];
  page.on('pageerror', ({ message }) => faults.push(`error: ${message}`));
  page.on('console', (message) => {
    // What a page can not prevent: Chromium prints a line for each answer that is an error.
    if (['error', 'warning'].includes(message.type()) && !message.text().startsWith('Failed to load resource')) faults.push(`console: ${message.text()}`);
  });
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('response', (response) => void (response.status() >= 400 && refused.push(`${response.status()} ${response.url()}`)));
  page.on('requestfailed', (request) => void (request.failure()?.errorText !== 'net::ERR_ABORTED' && refused.push(`0 ${request.url()}`)));
  await page.addInitScript(`
    document.addEventListener('securitypolicyviolation', (event) => console.error('policy:', event.violatedDirective, event.blockedURI, event.sample));
  `);
  await page.goto(url);
  return { page, faults, refused };
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds in a page: rule, element and reason, one text each. */
export async function axeFaults(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate<string[]>(`
    axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => id + ': ' + html.slice(0, 200) + ': ' + failureSummary)))
  `);
}

/** By how many pixels a page is wider than its window. */
export function sidewaysScroll(page: Page): Promise<number> {
  return page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');
}

/** The page has neither broken its policy nor thrown, and nothing that it asked for was refused. */
export function expectSound({ faults, refused }: OpenPage): void {
  expect({ faults, refused }).toEqual({ faults: [], refused: [] });
}
