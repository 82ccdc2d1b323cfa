import type { AttemptRecord, TaskSummary } from '../../record/task-record.ts';
import { CommandError } from '../command-error.ts';
import type { TaskSource } from '../source/task-source.ts';
import { LiveRegion } from '../view/live-region.ts';
import { LogLines } from '../view/log-lines.ts';
import { WIDEST } from '../view/screen.ts';
import { taskLines } from '../view/task-view.ts';
import { paint } from '../view/terminal-text.ts';
import type { TailDisplay } from './tail.ts';

const FRAME_MS = 100;
/** Below that no row is left empty between log and task. */
const LEAST_ROWS_WITH_GAP = 12;
/** The least time from one reading of the scopes to the next, and how much of the time it may take. */
const SCOPES_MS = 250;
const SCOPES_SHARE = 0.1;

/** The log going by above, and below it the task as it is: drawn ten times a second. */
export function liveDisplay(source: TaskSource, uuid: string, terminal: NodeJS.WriteStream): TailDisplay {
  const region = new LiveRegion(terminal);
  const lines = new LogLines();
  let record: TaskSummary | undefined;
  let attempts: AttemptRecord[] | undefined;
  let trouble: string | undefined;
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
      attempts = await source.scopes(uuid);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      // The stream, which has the same trouble, tells it and comes back.
      isNew = true;
    }
    const now = performance.now();
    nextReading = now + Math.max(SCOPES_MS, (now - begin) / SCOPES_SHARE);
  };

  const draw = (): void => {
    if (record === undefined) return;
    // A terminal that does not know its size says 0.
    const [columns, rows] = [Math.min(terminal.columns || 80, WIDEST), terminal.rows || 24];
    // One row is the cursor's; and of a high terminal the log keeps a part.
    const room = Math.max(1, Math.min(rows - 1, Math.max(8, Math.floor(rows * 0.6))));
    const gap = rows >= LEAST_ROWS_WITH_GAP ? [''] : [];
    const screen = { columns, rows: room - gap.length, now: Date.now(), paint, ...(!record.finished && { frame }) };
    region.draw([...gap, ...taskLines({ record, attempts, trouble }, screen)], above);
    above = '';
  };

  const timer = setInterval(() => {
    frame++;
    if (isNew && reading === undefined && performance.now() >= nextReading) {
      reading = readScopes().finally(() => (reading = undefined));
    }
    draw();
  }, FRAME_MS);
  // Whatever ends the process, the cursor is there again.
  const showCursor = (): void => region.end();
  process.once('exit', showCursor);

  return {
    update(_event, now, log) {
      record = now;
      above += lines.push(log);
      isNew = true;
    },
    trouble(error) {
      trouble = `${error.message}; trying again`;
    },
    connected() {
      trouble = undefined;
      isNew = true;
    },
    async end() {
      clearInterval(timer);
      await reading;
      // Who stops waiting is not made to wait.
      if (record?.finished === true) await readScopes();
      above += lines.end();
      draw();
      region.end();
      process.off('exit', showCursor);
    },
  };
}
