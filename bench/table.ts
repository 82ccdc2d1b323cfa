import { meetsTarget } from './figure.ts';
import type { Figure, Spread, Target } from './figure.ts';

/** The figures as a table in Markdown. */
export function tableOf(figures: readonly Figure[]): string {
  const rows = [HEAD, ...figures.map(rowOf)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) => `| ${row.map((cell, column) => pad(cell, widths[column]!, column)).join(' | ')} |`);
  const rule = `| ${widths.map((width, column) => `${'-'.repeat(width - 1)}${column === 0 ? '-' : ':'}`).join(' | ')} |`;
  return [lines[0], rule, ...lines.slice(1)].join('\n');
}

const HEAD = ['', 'ours', 'bare', 'ratio', 'min..max', 'wall: ours', 'ratio', 'target', 'met'];

function rowOf(figure: Figure): string[] {
  const { name, unit, ours, bare, ratio, wall, target } = figure;
  const met = meetsTarget(figure);
  return [
    name,
    amount(ours, unit),
    bare === undefined ? '' : amount(bare, unit),
    ratio === undefined ? '' : short(ratio.median),
    ratio === undefined ? '' : range(ratio),
    wall === undefined ? '' : amount(wall.ours, unit),
    wall === undefined ? '' : short(wall.ratio.median),
    target === undefined ? '' : targetText(target, unit),
    met === undefined ? '' : met ? 'yes' : 'NO',
  ];
}

function targetText({ of, most, least }: Target, unit: string): string {
  const limit = most === undefined ? `>= ${short(least!)}` : `<= ${short(most)}`;
  if (of === 'ratio') return limit;
  return of === 'more' ? `${limit} ${unit} more` : `${limit} ${unit}`;
}

function range({ min, max }: Spread): string {
  return `${short(min)}..${short(max)}`;
}

function amount(value: number, unit: string): string {
  return `${short(value)} ${unit}`.trim();
}

/** Three digits, or all before the point. */
function short(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}
