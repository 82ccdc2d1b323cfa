import { html as hono, raw as honoRaw } from 'hono/html';
import type { HtmlEscapedString } from 'hono/utils/html';
import { plain } from '../../../src/client/words.ts';

/** Markup in which each value that is no markup itself was escaped. */
export type Html = HtmlEscapedString;

/** Makes markup: values are escaped, lists joined, `undefined` and `false` left out. */
export const html = hono as (strings: TemplateStringsArray, ...values: unknown[]) => Html;

/** Text that is markup already. Never with anything of a task in it. */
export const raw: (markup: string) => Html = honoRaw;

/** A text of a task: isolated, so that its direction stays its own. */
export function own(text: string): Html {
  return html`<bdi>${plain(text)}</bdi>`;
}

/** A time in UTC. A browser makes it local. */
export function time(iso: string): Html {
  return html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC</time>`;
}

/** An attribute that is there or not. */
export function flag(name: string, isThere: boolean): Html {
  return raw(isThere ? ` ${name}` : '');
}
