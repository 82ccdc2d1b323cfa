import type { LogGain } from '../../record/record-json.ts';

/** How far a log was shown, in bytes, so that nothing of it comes twice. */
export class LogPosition {
  readonly #lines: number | undefined;
  #shown: number | undefined;

  /** @param lines How many of the lines that are there first to begin with; all, if absent. */
  constructor(lines?: number) {
    this.#lines = lines;
  }

  /** What is new in a record that was sent whole: at first, and where a server could not go on. */
  begin(text: string, offset: number): string {
    const before = this.#shown;
    const bytes = Buffer.from(text);
    this.#shown = offset + bytes.length;
    if (before === undefined) return this.#lines === undefined ? text : lastLines(text, this.#lines);
    // A log that is shorter than it was is another one.
    return before >= offset && before <= this.#shown ? bytes.subarray(before - offset).toString() : text;
  }

  gained({ offset, text }: LogGain): string {
    this.#shown = offset + Buffer.byteLength(text);
    return text;
  }
}

/** The last lines of a text; one without an end of line is a line too. */
export function lastLines(text: string, count: number): string {
  if (count === 0) return '';
  let start = text.length;
  for (let line = 0; line < count && start > 0; line++) start = start === 1 ? 0 : text.lastIndexOf('\n', start - 2) + 1;
  return text.slice(start);
}
