import type { TaskState } from '../../../src/task-record.ts';
import { html, raw } from './markup.ts';
import type { Html } from './markup.ts';

/** A state has its own shape beside its colour and its word: none of them stands alone. The shapes are 16 by 16. */
const RING = '<circle cx="8" cy="8" r="6.25" fill="none" stroke="currentColor" stroke-width="1.5"';
const SHAPES: Readonly<Record<TaskState, string>> = {
  queued: `${RING} stroke-dasharray="2 1.93"/>`,
  running: `${RING} opacity=".35"/><path d="M8 1.75A6.25 6.25 0 0 1 14.25 8" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"/>`,
  completed:
    '<path d="M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm3.6 5-4.1 4.8a.8.8 0 0 1-1.2 0L4.4 8.7l1.1-1 1.4 1.5L10.5 5Z" fill="currentColor"/>',
  failed:
    '<path d="M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1Zm.8 3.8L4.8 5.9 6.9 8l-2.1 2.1 1.1 1.1L8 9.1l2.1 2.1 1.1-1.1L9.1 8l2.1-2.1-1.1-1.1L8 6.9Z" fill="currentColor"/>',
  cancelled: `${RING}/><path d="m3.7 12.3 8.6-8.6" stroke="currentColor" stroke-width="1.5"/>`,
  expired: `${RING}/><path d="M8 4.5V8l2.5 1.6" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round"/>`,
  lost: '<path d="M8 1.3 15.2 14.3H.8Z" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linejoin="round"/><path d="M8 5.8v4m0 1.5v1.2" stroke="currentColor" stroke-width="1.5"/>',
};

/** Colours that stand out on light and on dark tabs alike. */
const COLOURS: Readonly<Record<TaskState, string>> = {
  queued: '#6d7681',
  running: '#2f7de1',
  completed: '#1f9d57',
  failed: '#d93a45',
  cancelled: '#6d7681',
  expired: '#6d7681',
  lost: '#c07a12',
};

/** The favicons, by name. */
export const FAVICONS: ReadonlyMap<string, string> = new Map(
  (Object.keys(SHAPES) as TaskState[]).map((state) => [
    `${state}.svg`,
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" color="${COLOURS[state]}">${SHAPES[state]}</svg>`,
  ]),
);

/** All shapes once in a page: heads and rows refer to them. */
export const SPRITE: Html = raw(
  `<svg class="icons" aria-hidden="true">${Object.entries(SHAPES).map(([state, shape]) => `<symbol id="${state}" viewBox="0 0 16 16">${shape}</symbol>`).join('')}</svg>`,
);

/** The shape of a state. `hidden` where its word stands beside it. */
export function icon(state: TaskState, hidden?: 'hidden'): Html {
  const label = hidden ? raw('aria-hidden="true"') : raw(`role="img" aria-label="${state}"`);
  return html`<svg class="icon ${state}" ${label}><use href="#${state}"/></svg>`;
}
