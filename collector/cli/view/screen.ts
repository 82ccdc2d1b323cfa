import type { Paint } from './terminal-text.ts';

/** The most columns that a task's lines take: beyond, a name and its time stand too far apart. */
export const WIDEST = 120;

/** What a view is drawn on. */
export interface Screen {
  readonly columns: number;
  readonly rows: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly paint: Paint;
  /** Grows with each drawing, for what turns; absent where nothing is drawn again. */
  readonly frame?: number;
}
