import { describe, expect, it } from 'vitest';
import { LiveRegion } from '../../../../collector/cli/view/live-view.ts';

/** A terminal that knows what the region writes: enough to see what stands on it. */
class SmallTerminal {
  columns: number;
  cursorShown = true;
  #lines = [''];
  #row = 0;

  constructor(columns: number) {
    this.columns = columns;
  }

  write(text: string): void {
    // oxlint-disable-next-line no-control-regex
    for (const [part, count, other] of text.matchAll(/\u001b\[(\d*)([FKJ])|\u001b\[\?25[hl]|\n|[^\u001b\n]+/g)) this.#take(part, Number(count), other);
  }

  get screen(): string {
    return this.#lines.join('\n');
  }

  #take(part: string, count: number, command: string | undefined): void {
    if (command === 'F') this.#row -= count;
    else if (command === 'J') this.#lines = [...this.#lines.slice(0, this.#row), ''];
    else if (command === 'K') return;
    else if (part === '\n') this.#lines[++this.#row] ??= '';
    else if (part.startsWith('\u{1b}[?25')) this.cursorShown = part.endsWith('h');
    else this.#lines[this.#row] = part;
  }
}

describe('a live region', () => {
  it('is drawn over its last form, whether it grows, shrinks or changes in the middle', () => {
    const terminal = new SmallTerminal(20);
    const region = new LiveRegion(terminal);
    for (const lines of [['a', 'b', 'c'], ['a', 'x', 'y', 'c'], ['a', 'c'], []]) {
      region.draw(lines);
      expect(terminal.screen).toBe([...lines, ''].join('\n'));
    }
  });

  it('lets text go by above it, which stays', () => {
    const terminal = new SmallTerminal(20);
    const region = new LiveRegion(terminal);
    region.draw(['first', 'second'], 'log 1\n');
    region.draw(['first', 'third'], 'log 2\nlog 3\n');
    region.draw(['fourth']);
    expect(terminal.screen).toBe('log 1\nlog 2\nlog 3\nfourth\n');
  });

  it('counts the rows of lines that a narrower terminal has broken', () => {
    const written: string[] = [];
    const terminal = { columns: 10, write: (text: string) => written.push(text) };
    const region = new LiveRegion(terminal);
    region.draw(['東京東京東', 'short', '']);
    terminal.columns = 4;
    region.draw(['東']);
    expect(written.at(-1)!.startsWith('\u{1b}[6F')).toBe(true);
  });

  it('hides the cursor and gives it back', () => {
    const terminal = new SmallTerminal(20);
    const region = new LiveRegion(terminal);
    expect(terminal.cursorShown).toBe(false);
    region.end();
    expect(terminal.cursorShown).toBe(true);
  });
});
