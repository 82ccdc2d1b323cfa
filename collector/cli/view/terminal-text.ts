import { styleText } from 'node:util';
import cliTruncate from 'cli-truncate';
import stringWidth from 'string-width';
import { visible } from '../../../src/log-line.ts';

/** Text for a terminal: harmless, and measured in its columns. */

/** Gives a text a colour or weight, where that is wanted. */
export type Paint = (format: Parameters<typeof styleText>[0], text: string) => string;

/** As standard output can show it: nothing off a terminal, or with `NO_COLOR`. */
export const paint: Paint = (format, text) => styleText(format, text, { stream: process.stdout });

/** No line of a view needs more: what is measured ten times a second must not be a whole message. */
const LONGEST = 500;

/** What came from a task, on one line: escape sequences and other controls are shown, not obeyed. */
export function harmless(text: string): string {
  const shown = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return visible(shown.toWellFormed().replaceAll(/\r\n|[\t\n\r\u{85}\u{2028}\u{2029}]/gu, ' '));
}

/** Lines of a log; they keep their line feeds and tabs. */
export function harmlessLines(text: string): string {
  return text.split('\n').map(visible).join('\n');
}

/** The text cut to a width in columns. */
export function fit(text: string, columns: number): string {
  return columns <= 0 ? '' : cliTruncate(text, columns);
}

/** The text with spaces after it up to a width. */
export function padded(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - stringWidth(text)));
}

/** Text at both ends of a line; the left one is cut where there is no room for both. */
export function apart(left: string, right: string, columns: number): string {
  const room = columns - stringWidth(right) - 1;
  return room < 1 ? fit(right, columns) : `${padded(fit(left, room), room)} ${right}`;
}

export { stringWidth as widthOf };
