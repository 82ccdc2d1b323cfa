import type { Connection } from './watch.ts';
import { ago, percent, text } from './words.ts';

/** Small things that the elements do to a document. */

/** The first element that matches. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- As `querySelector` has it.
export function one<T extends Element = HTMLElement>(root: ParentNode, selector: string): T | null {
  return root.querySelector<T>(selector);
}

/** Writes only what is other: a text that stays is no work for the layout or a screen reader. */
export function put(node: Element | null, value: string): void {
  if (node !== null && node.textContent !== value) node.textContent = value;
}

/** Hides an element or shows it. */
export function hide(node: HTMLElement | null, isHidden: boolean): void {
  if (node !== null && node.hidden !== isHidden) node.hidden = isHidden;
}

/** Gives a bar and its number their value, 0 to 1; `null` where it is not known. */
export function putShare(root: ParentNode | null, value: number | null): void {
  const bar = root && one<HTMLProgressElement>(root, 'progress');
  if (!bar) return;
  if (value === null) bar.removeAttribute('value');
  else if (bar.value !== value || !bar.hasAttribute('value')) bar.value = value;
  put(one(root, '.percent'), value === null ? '' : percent(value));
}

/** Shows a connection that is interrupted or has failed; `refused` is the sentence for the latter. */
export function putConnection(line: HTMLElement | null, { connection, retryAt = 0 }: Connection, refused: string): void {
  if (connection === 'failed') put(line, refused);
  if (connection === 'interrupted') put(line, text.connecting(Math.max(0, Math.ceil((retryAt - Date.now()) / 1000))));
  hide(line, connection !== 'interrupted' && connection !== 'failed');
}

/** At most one announcement to screen readers in so many milliseconds, and the end at once. */
export const ANNOUNCE_MS = 10_000;

/** Gives a shape the state that it stands for. */
export function putIcon(svg: Element | null, state: string): void {
  if (svg === null || svg.classList.contains(state)) return;
  svg.setAttribute('class', `icon ${state}`);
  if (svg.hasAttribute('aria-label')) svg.setAttribute('aria-label', state);
  svg.firstElementChild?.setAttribute('href', `#${state}`);
}

/** Times of the server are in UTC; a browser knows better. */
export function localTimes(root: ParentNode): void {
  for (const time of root.querySelectorAll<HTMLTimeElement>('time[datetime]:not([title])')) {
    const date = new Date(time.dateTime);
    time.title = `${date.toLocaleString()}, ${ago(Date.now() - date.getTime())}`;
    const isToday = date.toDateString() === new Date().toDateString();
    time.textContent = isToday ? date.toLocaleTimeString() : date.toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' });
  }
}

/** Copies a text, by plain HTTP too, where browsers have no `navigator.clipboard`. */
export async function copyText(value: string): Promise<void> {
  if ('clipboard' in navigator) return navigator.clipboard.writeText(value);
  const area = document.createElement('textarea');
  area.value = value;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

/** Makes an element. */
export function make<Name extends keyof HTMLElementTagNameMap>(name: Name, className = '', content = ''): HTMLElementTagNameMap[Name] {
  const node = document.createElement(name);
  if (className !== '') node.className = className;
  if (content !== '') node.textContent = content;
  return node;
}

/** What elements extend: a server that renders a front end has no elements. */
export const ElementBase: typeof HTMLElement = globalThis.HTMLElement ?? Object;
