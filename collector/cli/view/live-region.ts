import { widthOf } from './terminal-text.ts';

/** What a region is drawn on: standard output where it is a terminal. */
export interface Terminal {
  readonly columns: number;
  write(text: string): unknown;
}

const HIDE_CURSOR = '\u{1b}[?25l';
const SHOW_CURSOR = '\u{1b}[?25h';
const CLEAR_LINE_END = '\u{1b}[K';
const CLEAR_SCREEN_END = '\u{1b}[J';

/**
 * The last lines of a terminal, drawn again and again, with text going by above them. Written at
 * one go each time, each line over the one before, so that nothing flickers.
 */
export class LiveRegion {
  readonly #terminal: Terminal;
  #lines: readonly string[] = [];

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    terminal.write(HIDE_CURSOR);
  }

  /**
   * @param lines None wider than the terminal, and fewer than it has rows.
   * @param above Whole lines that come before and stay.
   */
  draw(lines: readonly string[], above: string = ''): void {
    const back = this.#height();
    const begin = back === 0 ? '' : `\u{1b}[${back}F`;
    const passed = above === '' ? '' : CLEAR_SCREEN_END + above;
    const drawn = lines.map((line) => `${line}${CLEAR_LINE_END}\n`).join('');
    this.#terminal.write(begin + passed + drawn + CLEAR_SCREEN_END);
    this.#lines = lines;
  }

  /** Leaves the lines as they are and gives the cursor back. */
  end(): void {
    this.#terminal.write(SHOW_CURSOR);
  }

  /** In rows: a terminal that was made narrower has broken the lines that no longer fit. */
  #height(): number {
    const columns = this.#terminal.columns || 80;
    return this.#lines.reduce((rows, line) => rows + Math.max(1, Math.ceil(widthOf(line) / columns)), 0);
  }
}
