import { scopeTree } from '../../../src/client/scope-tree.ts';
import type { ScopeNode, TaskSummary } from '../../../src/task-record.ts';
import type { TailDisplay } from './tail-display.ts';
import { WIDEST, taskLines } from './task-lines.ts';
import { harmlessValue, LogLines, paint, widthOf } from './terminal-text.ts';

const FRAME_MS = 100;
/** A terminal with fewer rows has no empty row between log and task. */
const LEAST_ROWS_WITH_GAP = 12;

/** Shows the log, and below it the task as it is, which is drawn ten times a second. */
export function liveDisplay(terminal: NodeJS.WriteStream): TailDisplay {
  const region = new LiveRegion(terminal);
  const lines = new LogLines();
  const tree = scopeTree();
  let attempts: readonly ScopeNode[] = [];
  let record: TaskSummary | undefined;
  let outage: string | undefined;
  let above = '';
  let frame = 0;

  const draw = (isLast = false): void => {
    if (record === undefined) return;
    // A terminal that does not know its size has 0 columns.
    const [columns, rows] = [Math.min(terminal.columns || 80, WIDEST), terminal.rows || 24];
    // The cursor needs one row, and on a high terminal the log keeps some.
    const room = Math.max(1, Math.min(rows - 1, Math.max(8, Math.floor(rows * 0.6))));
    const gap = rows >= LEAST_ROWS_WITH_GAP ? [''] : [];
    const screen = { columns, rows: room - gap.length, now: Date.now(), paint, ...(!isLast && !record.finished && { frame }) };
    region.draw([...gap, ...taskLines({ record, attempts, outage }, screen)], above);
    above = '';
  };

  // Drawn after the signals of this turn: one of them may say that the terminal has another size.
  let drawing: NodeJS.Immediate | undefined;
  const timer = setInterval(() => {
    frame++;
    drawing = setImmediate(draw);
  }, FRAME_MS);
  // The cursor is shown again, whatever ends the process.
  const showCursor = (): void => region.end();
  process.once('exit', showCursor);

  return {
    shows: { log: true, scopes: true },
    update(event, now, log) {
      if (event.event === 'record' || event.event === 'change') {
        // Scopes are made harmless once, when they come: a task may have many.
        const { attempts: begun, scopes } = harmlessValue({ attempts: event.data.attempts, ...('scopes' in event.data && { scopes: event.data.scopes }) });
        attempts = tree(begun, scopes);
      }
      const { attempts: _, ...fields } = now;
      record = harmlessValue(fields);
      above += lines.push(log);
    },
    outage(error) {
      outage = `${error.message}; trying again`;
    },
    connected() {
      outage = undefined;
    },
    end() {
      clearInterval(timer);
      clearImmediate(drawing);
      above += lines.end();
      draw(true);
      region.end();
      process.off('exit', showCursor);
      return Promise.resolve();
    },
  };
}

/** The terminal of a region: standard output. */
export interface Terminal {
  readonly columns: number;
  write(text: string): unknown;
}

const HIDE_CURSOR = '\u{1b}[?25l';
const SHOW_CURSOR = '\u{1b}[?25h';
const CLEAR_LINE_END = '\u{1b}[K';
const CLEAR_SCREEN_END = '\u{1b}[J';

/**
 * Draws the last lines of a terminal again and again, while text goes by above them. Each drawing is one write, and each
 * line is written over the one before, so that nothing flickers.
 */
export class LiveRegion {
  readonly #terminal: Terminal;
  #lines: readonly string[] = [];

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    terminal.write(HIDE_CURSOR);
  }

  /**
   * @param lines Fewer than the terminal has rows, and none wider than it.
   * @param above Whole lines that are printed above the region and stay.
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

  /** The height in rows. A terminal that was made narrower has broken the lines that no longer fit. */
  #height(): number {
    const columns = this.#terminal.columns || 80;
    return this.#lines.reduce((rows, line) => rows + Math.max(1, Math.ceil(widthOf(line) / columns)), 0);
  }
}
