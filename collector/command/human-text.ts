/** Numbers and names as people read them in a log. */

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

/** `1 file`, `1,234 files`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${humanCount(count)} ${count === 1 ? one : many}`;
}

/** Rows with their columns aligned: all to the right but the last. One text, a line a row. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows
    .map((row) => row.map((cell, at) => (at === row.length - 1 ? cell : cell.padStart(widths[at] ?? 0))).join('  '))
    .join('\n');
}

/** A file's name on one line, also where it holds line breaks. */
export function onOneLine(name: string): string {
  return name.replaceAll(/[\n\v\f\r\u{85}\u{2028}\u{2029}]/gu, '\u{240a}');
}
