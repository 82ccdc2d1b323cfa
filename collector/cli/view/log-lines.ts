import { harmlessLines } from './terminal-text.ts';

/** A log that comes in pieces, as whole lines for a terminal: indented by spaces, so that narrow ones have room. */
export class LogLines {
  #rest = '';

  /** The lines that are whole by now. */
  push(text: string): string {
    const end = text.lastIndexOf('\n') + 1;
    if (end === 0) {
      this.#rest += text;
      return '';
    }
    const lines = this.#rest + text.slice(0, end);
    this.#rest = text.slice(end);
    return shown(lines);
  }

  /** What came last without an end of line. */
  end(): string {
    const rest = this.#rest;
    this.#rest = '';
    return rest === '' ? '' : shown(`${rest}\n`);
  }
}

function shown(lines: string): string {
  return harmlessLines(lines.replaceAll(/^\t+/gm, (tabs) => '  '.repeat(tabs.length)).replaceAll('\t', '  '));
}
