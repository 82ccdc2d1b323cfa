import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Context } from 'hono';
import type { TaskState } from '../../../src/task-record.ts';
import { accepts, assetUrl } from './assets.ts';
import { SPRITE } from './icons.ts';
import { html, raw } from './markup.ts';
import type { Html } from './markup.ts';

/** Options of the server that its pages need. */
export interface PageSettings {
  /** A URL with `{trace_id}` in it; `undefined` for no links to traces. */
  readonly traceUrl: string | undefined;
  readonly frameAncestors: readonly string[];
}

interface PageOptions {
  readonly title: string;
  /** Leads from the page's URL to the folder of the tasks, in which the assets are: `''` from a task, `tasks/` from the list. */
  readonly base: string;
  readonly icon: TaskState;
  /** The script that brings the page up to date. Default: none. */
  readonly script?: 'task-page' | 'list-page';
  /** Whether it is the list, which has a style of its own. Default `false`. */
  readonly isList?: boolean;
  readonly body: Html;
  /** Classes of the body: `one` for the page of a task, which is as high as the window, `embed` in a frame. */
  readonly className?: string;
  /** Seconds after which a browser loads the page again, without a script too. Default: never. */
  readonly refresh?: number | undefined;
}

/** A whole page around its body. */
export function page({ title, base, icon, script, isList = false, body, className = '', refresh }: PageOptions): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
${refresh === undefined ? '' : raw(`<meta http-equiv="refresh" content="${refresh}">`)}
<link rel="icon" href="${base}${assetUrl(`${icon}.svg`)}" type="image/svg+xml">
<link rel="stylesheet" href="${base}${assetUrl('page.css')}">
${isList ? html`<link rel="stylesheet" href="${base}${assetUrl('list.css')}">` : ''}
${script === undefined ? '' : html`<script type="module" src="${base}${assetUrl(`${script}.js`)}"></script>`}
</head>
<body class="${className}">
${SPRITE}
<main>${body}</main>
</body>
</html>`;
}

interface PageAnswerOptions {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The origins whose pages may show it in a frame. Default: none. */
  readonly frameAncestors?: readonly string[];
}

/** What a page may load and do: its own assets and its own API; no script or style in the markup, no foreign host. */
function contentSecurity(frameAncestors: readonly string[]): string {
  const frames = frameAncestors.length === 0 ? "'none'" : frameAncestors.join(' ');
  return `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors ${frames}`;
}

const compress = promisify(gzip);
/** A shorter page gains nothing by it. */
const COMPRESSED_FROM = 1400;

/** The answer with a page, compressed where the client accepts it. */
export async function pageAnswer(c: Context, content: Html, { status = 200, headers, frameAncestors = [] }: PageAnswerOptions = {}): Promise<Response> {
  const text = Buffer.from(String(content));
  const isCompressed = text.length > COMPRESSED_FROM && accepts(c, 'gzip');
  const body = isCompressed ? await compress(text, { level: 4 }) : text;
  return new Response(c.req.method === 'HEAD' ? null : body, {
    status,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Cache-Control': 'no-cache',
      Vary: 'Accept, Accept-Encoding',
      'Content-Security-Policy': contentSecurity(frameAncestors),
      'Referrer-Policy': 'same-origin',
      'X-Content-Type-Options': 'nosniff',
      ...(isCompressed && { 'Content-Encoding': 'gzip' }),
      ...headers,
    },
  });
}
