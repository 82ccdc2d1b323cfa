/**
 * Writes what pages have from the code: the table of options in `docs/options.md`. `npm run docs` runs it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { OPTIONS } from '../collector/options/table.ts';
import type { OptionEntry } from '../collector/options/table.ts';

const PAGE = fileURLToPath(new URL('../docs/options.md', import.meta.url));
const BEGIN = '<!-- npm run docs writes what follows from collector/options/table.ts. -->\n';
const END = '<!-- Here ends what npm run docs writes. -->\n';
const MIB = 1024 * 1024;

/** The page with its table renewed. */
export function renewed(page: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin === -1 || end < begin) throw new Error(`docs/options.md: expected the lines ${BEGIN} and ${END}`);
  return page.slice(0, begin + BEGIN.length) + optionsTable() + page.slice(end);
}

function optionsTable(): string {
  const rows = Object.entries(OPTIONS).map(([name, entry]) => [`\`${name}\``, entry.kind.type, defaultOf(entry), variableOf(entry), meaningOf(entry)]);
  const head = ['option', 'type', 'default', 'environment', 'meaning, bounds and errors'];
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |\n`.replaceAll('|  |', '| |')).join('');
}

function defaultOf({ default: value, defaultDoc }: OptionEntry): string {
  if (defaultDoc !== undefined) return defaultDoc;
  if (typeof value === 'number') return value >= MIB && value % MIB === 0 ? `${value / MIB} MiB` : grouped(String(value));
  return typeof value === 'string' || typeof value === 'boolean' ? `\`${value}\`` : 'none';
}

function variableOf({ kind, variable, variableKind = kind, variableDoc }: OptionEntry): string {
  const name = variable === undefined ? '' : `\`${variable}\``;
  return name + (variableKind.type === 'boolean' ? ': `true` or `false`' : (variableDoc ?? ''));
}

function meaningOf({ kind, doc }: OptionEntry): string {
  if (kind.throws === undefined) return doc;
  const expected = kind.expected.replace(/(?<=such as )\S+$|A-Z a-z \S+ [^a-z]+(?= and)/, '`$&`');
  return `${doc}. ${expected.charAt(0).toUpperCase()}${grouped(expected.slice(1))}, else ${kind.throws}`;
}

/** Numbers of five digits and more by threes, as `65,535`; those of addresses and of MiB stay. */
function grouped(text: string): string {
  return text.replaceAll(/(?<![.:\d])\d{5,}(?!\d)/g, (digits) => Number(digits).toLocaleString('en-US'));
}

if (import.meta.main) writeFileSync(PAGE, renewed(readFileSync(PAGE, 'utf8')));
