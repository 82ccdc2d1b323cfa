/**
 * Takes the pictures of README.md: a task that is running, as the page shows it in Debian's Chromium.
 *
 *     node --import ./examples/from-source.ts tools/pictures.ts
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { startTask } from '../src/index.ts';
import type { TaskUpdater } from '../src/index.ts';
import { startTaskspan } from '../collector/index.ts';

const FOLDER = fileURLToPath(new URL('../docs/pictures/', import.meta.url));
const SIZE = { width: 1080, height: 660 };

const folder = await mkdtemp(join(tmpdir(), 'taskspan-'));
const taskspan = await startTaskspan({ store: join(folder, 'taskspan.sqlite'), serve: { port: 0 }, beatIntervalMs: 1000 });
const { taskUuid } = await startTask('Import customers', importCustomers, { attributes: { file: 'customers.csv', 'customer.group': 'north' } });
await setTimeout(14_000);

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--hide-scrollbars'] });
for (const colorScheme of ['light', 'dark'] as const) {
  const page = await browser.newPage({ viewport: SIZE, deviceScaleFactor: 2, colorScheme, reducedMotion: 'reduce' });
  await page.goto(`${taskspan.url}/tasks/${taskUuid}`);
  await setTimeout(1500);
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: 80 });
  await writeFile(`${FOLDER}task-${colorScheme}.webp`, Buffer.from(data, 'base64'));
}
await browser.close();
await taskspan.close();
await rm(folder, { recursive: true });
process.exit();

/** A task that stands still in the middle, after some 13 seconds. */
async function importCustomers(updater: TaskUpdater<false>): Promise<void> {
  updater.plan({ 'Read the file': 1, 'Check addresses': 4, 'Write customers': 12, 'Send welcome e-mails': 2 });
  await updater.scope('Read the file', async (scope) => {
    await setTimeout(1800);
    scope.notify('2,300 customers in customers.csv');
  });
  await updater.scope('Check addresses', async (scope) => {
    for (const region of ['Austria', 'Germany', 'Switzerland']) {
      await scope.scope(region, async (inner) => {
        await setTimeout(1200);
        if (region === 'Germany') inner.notify('12 addresses have no postcode: left as they are');
      });
    }
  });
  await updater.scope('Write customers', async (scope) => {
    for (let row = 1; row <= 1204; row++) {
      if (row % 150 === 0) {
        await setTimeout(900);
        scope.notify(`Wrote ${row.toLocaleString('en-US')} customers`);
      }
      scope.progress(row, 2300);
    }
    await new Promise(() => {});
  });
}
