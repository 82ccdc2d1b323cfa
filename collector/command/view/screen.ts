import type { Paint } from './terminal-text.ts';

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
