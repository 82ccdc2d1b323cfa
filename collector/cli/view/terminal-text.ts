import { styleText } from 'node:util';
import cliTruncate from 'cli-truncate';
import stringWidth from 'string-width';
import { visible } from '../../../src/log-line.ts';

/** Text for people at a terminal: harmless, measured in columns, with numbers as people read them. */

/** Gives a text a colour or weight, or leaves it as it is. */
export type Paint = (format: Parameters<typeof styleText>[0], text: string) => string;

/** Paints for standard output: not off a terminal, nor with `NO_COLOR`. */
export const paint: Paint = (format, text) => styleText(format, text, { stream: process.stdout });

/** The longest text that is measured: a live view measures its lines ten times a second. */
const LONGEST = 500;

/** A text of a task, on one line. Escape sequences and other controls are made visible. */
export function harmless(text: string): string {
  const shown = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return visible(shown.toWellFormed().replaceAll(/\r\n|[\t\n\r\u{85}\u{2028}\u{2029}]/gu, ' '));
}

/** Lines of a log with controls made visible. They keep their line feeds and tabs. */
export function harmlessLines(text: string): string {
  return text.split('\n').map(visible).join('\n');
}

/** A value from a server with each of its texts harmless, also where it is not what it should be. */
export function harmlessValue<T>(value: T): T {
  if (typeof value === 'string') return harmlessLines(value) as T;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(harmlessValue) as T;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [visible(key), harmlessValue<unknown>(each)])) as T;
}

/** JSON without characters that could control a terminal: it escapes more than `JSON.stringify`. */
export function harmlessJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
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

/** Makes whole lines for a terminal of a log that comes in pieces. They are indented by spaces, which take less room than tabs. */
export class LogLines {
  #rest = '';

  /** The lines that this piece completes. */
  push(text: string): string {
    const end = text.lastIndexOf('\n') + 1;
    if (end === 0) {
      this.#rest += text;
      return '';
    }
    const lines = this.#rest + text.slice(0, end);
    this.#rest = text.slice(end);
    return indented(lines);
  }

  /** The last line, where it has no end of line. */
  end(): string {
    const rest = this.#rest;
    this.#rest = '';
    return rest === '' ? '' : indented(`${rest}\n`);
  }
}

function indented(lines: string): string {
  return harmlessLines(lines.replaceAll(/^\t+/gm, (tabs) => '  '.repeat(tabs.length)).replaceAll('\t', '  '));
}

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** `512 B`, `1.2 MiB`, `340 GiB`: three digits and a binary unit. */
export function humanBytes(bytes: number): string {
  let value = bytes;
  let unit = 'B';
  for (const next of UNITS) {
    if (Math.round(value) < 1000) break;
    value /= 1024;
    unit = next;
  }
  return `${unit === 'B' || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${unit}`;
}

/** `1,234`. */
export function humanCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** `0.4s`, `12s`, `3m05s`, `2h03m`, `4d02h`: two units at the most. */
export function humanDuration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  const two = (value: number): string => String(value).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)}h${two(minutes % 60)}m`;
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)}d${two(hours % 24)}h`;
}

/** `1 file`, `1,234 files`. */
export function counted(count: number, one: string): string {
  return `${humanCount(count)} ${count === 1 ? one : `${one}s`}`;
}
