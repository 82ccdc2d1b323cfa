import type { AttemptRecord, TaskSummary } from '../../../src/task-record.ts';
import { CommandError } from '../exit-codes.ts';
import type { TaskSource } from '../source.ts';
import type { TailDisplay } from './tail-display.ts';
import { WIDEST, taskLines } from './task-lines.ts';
import { harmlessValue, LogLines, paint, widthOf } from './terminal-text.ts';

const FRAME_MS = 100;
/** A terminal with fewer rows has no empty row between log and task. */
const LEAST_ROWS_WITH_GAP = 12;
/** The least time between two reads of the scopes, and the share of the time that reading may take. */
const SCOPES_MS = 250;
const SCOPES_SHARE = 0.1;

/** Shows the log, and below it the task as it is, which is drawn ten times a second. */
export function liveDisplay(source: TaskSource, uuid: string, terminal: NodeJS.WriteStream): TailDisplay {
  const region = new LiveRegion(terminal);
  const lines = new LogLines();
  let record: TaskSummary | undefined;
  let attempts: AttemptRecord[] | undefined;
  let outage: string | undefined;
  let above = '';
  let frame = 0;
  let isNew = false;
  let nextReading = 0;
  let reading: Promise<void> | undefined;

  /** A task with many scopes is read less often. */
  const readScopes = async (): Promise<void> => {
    isNew = false;
    const begin = performance.now();
    try {
      attempts = harmlessValue(await source.scopes(uuid));
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      // The stream has the same outage, reports it and reconnects.
      isNew = true;
    }
    const now = performance.now();
    nextReading = now + Math.max(SCOPES_MS, (now - begin) / SCOPES_SHARE);
  };

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

  const timer = setInterval(() => {
    frame++;
    if (isNew && reading === undefined && performance.now() >= nextReading) {
      reading = readScopes().finally(() => (reading = undefined));
    }
    draw();
  }, FRAME_MS);
  // The cursor is shown again, whatever ends the process.
  const showCursor = (): void => region.end();
  process.once('exit', showCursor);

  return {
    update(_event, now, log) {
      record = harmlessValue(now);
      above += lines.push(log);
      isNew = true;
    },
    outage(error) {
      outage = `${error.message}; trying again`;
    },
    connected() {
      outage = undefined;
      isNew = true;
    },
    async end() {
      clearInterval(timer);
      await reading;
      // After Ctrl-C the command ends at once.
      if (record?.finished === true) await readScopes();
      above += lines.end();
      draw(true);
      region.end();
      process.off('exit', showCursor);
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
