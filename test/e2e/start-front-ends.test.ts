import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { build } from 'vite';
import { startNode, temporaryFolder } from '../support/node-process.ts';
import { describeWithBrowser, startPage } from './browser-and-proxy.ts';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
const EXAMPLES = join(REPOSITORY, 'examples');

/** Builds a front end of docs/start.md into a folder, with `taskspan/client` and `taskspan/react` from their sources. */
async function buildFrontEnd(name: string, outDir: string): Promise<void> {
  const { exports } = JSON.parse(await readFile(join(REPOSITORY, 'package.json'), 'utf8')) as { exports: Record<string, unknown> };
  expect(Object.keys(exports)).toEqual(expect.arrayContaining(['./client', './react']));
  await build({
    configFile: join(EXAMPLES, 'start', name, 'vite.config.ts'),
    root: join(EXAMPLES, 'start', name, 'web'),
    logLevel: 'error',
    resolve: {
      alias: {
        'taskspan/client': join(REPOSITORY, 'src/client/index.ts'),
        'taskspan/react': join(REPOSITORY, 'src/client/react.ts'),
      },
    },
    build: { outDir, emptyOutDir: true },
  });
}

/** Opens a front end that the server of docs/start.md serves. */
async function open(web: string): Promise<{ page: Page; faults: string[] }> {
  const server = startNode(
    ['--disable-warning=ExperimentalWarning', '--import', join(EXAMPLES, 'from-source.ts'), join(EXAMPLES, 'start/server.ts'), web],
    { cwd: await temporaryFolder(), env: { PORT: '0' } },
  );
  const [url] = await server.printed(/^http:\S+$/m);
  const page = await startPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => message.type() === 'error' && !message.location().url.endsWith('/favicon.ico') && faults.push(message.text()));
  await page.goto(url);
  return { page, faults };
}

describeWithBrowser('a front end of docs/start.md shows a moving bar and the end', () => {
  for (const name of ['react', 'vue', 'svelte']) {
    test(name, async () => {
      const dist = join(await temporaryFolder(), 'dist');
      await buildFrontEnd(name, dist);
      const { page, faults } = await open(dist);
      expect((await valuesUntil(page, 'p', 'completed')).length).toBeGreaterThan(5);
      expect(await page.locator('progress').getAttribute('value')).toBe('1');
      expect(await page.locator('a').getAttribute('href')).toMatch(/^\/jobs\/tasks\/[\w-]{36}$/);
      expect(faults).toEqual([]);
    });
  }

  test('plain HTML, which builds nothing', async () => {
    const { page, faults } = await open(join(EXAMPLES, 'start/html/web'));
    expect((await valuesUntil(page, '.percent', '100 %')).length).toBeGreaterThan(5);
    await page.click('a');
    await page.getByRole('heading', { name: 'Import customers' }).waitFor();
    // It has ended a moment after the last of its jobs.
    await expect.poll(() => page.title()).toBe('Completed · Import customers');
    expect(faults).toEqual([]);
  });
});

/** Clicks the button, and gives the values of the page's bar, frame by frame, until this place has this text. */
async function valuesUntil(page: Page, place: string, end: string): Promise<string[]> {
  await page.evaluate(`
    globalThis.values = new Set();
    const barsIn = (root) => [...root.querySelectorAll('*')].flatMap((element) =>
      element.localName === 'progress' ? [element] : element.shadowRoot ? barsIn(element.shadowRoot) : []);
    const look = () => {
      for (const bar of barsIn(document)) values.add(bar.getAttribute('value'));
      requestAnimationFrame(look);
    };
    look();
  `);
  await page.click('button');
  await page.locator(place, { hasText: end }).waitFor();
  return page.evaluate<string[]>('[...values]');
}
