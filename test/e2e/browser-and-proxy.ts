/** A real browser and a real proxy, Debian's: what lies between a task and the people who wait for it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import type { Page } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { describeWith } from './describe-with.ts';

export const CHROMIUM = '/usr/bin/chromium';
const NGINX = '/usr/sbin/nginx';

export const CHROMIUM_ARGS: string[] = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--no-first-run'];

/** A suite that needs both (see {@link describeWith}). */
export function describeWithBrowser(name: string, suite: () => void): void {
  describeWith([CHROMIUM, NGINX].every((path) => existsSync(path)), "Debian's packages chromium and nginx-light", name, suite);
}

/** How long a page waits for what a test looks for, in milliseconds. A client may retry half a minute after an outage. */
export const PAGE_MS = 90_000;

/** A page in a browser of its own without a window, closed after the test. */
export async function startPage(): Promise<Page> {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_ARGS });
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  page.setDefaultTimeout(PAGE_MS);
  return page;
}

/**
 * nginx before a server; its own files are in the folder. Gives its URL.
 *
 * @param location What it does with requests. Default: passes them on with its default settings for proxies.
 */
export async function startProxy(
  folder: string,
  upstream: string,
  location: string = `location / { proxy_pass ${upstream}; }`,
): Promise<string> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${kind};`);
  await writeFile(
    join(folder, 'nginx.conf'),
    `daemon off; pid nginx.pid; error_log stderr; ${process.getuid?.() === 0 ? 'user root;' : ''}
     events {}
     http {
       access_log off; ${temporary.join(' ')}
       server { listen 127.0.0.1:${port}; location = /healthz { proxy_pass ${upstream}; } ${location} }
     }`,
  );
  const nginx = spawn(NGINX, ['-p', folder, '-c', 'nginx.conf'], { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  nginx.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const ended = once(nginx, 'close');
  onTestFinished(async () => {
    nginx.kill('SIGTERM');
    await ended;
  });
  await expect.poll(() => fetch(`${url}/healthz`).then(({ status }) => status, () => errors)).toBe(200);
  return url;
}
