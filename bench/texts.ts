/** A message that a task makes as it calls `notify()`. V8 keeps such a text in pieces until it is read. */
export function freshTextAt(index: number): string {
  return `Row ${10_000 + (index & 1023)} of customers.csv is imported`;
}

/** Messages ready-made, as constants are: each in one piece. */
const TEXTS: readonly string[] = Array.from({ length: 1024 }, (_, index) =>
  Buffer.from(freshTextAt(index)).toString('latin1'),
);

/** The text of the message with this number. All have the same length. */
export function textAt(index: number): string {
  return TEXTS[index & 1023]!;
}

/** Length of a text's line in the log, in bytes. */
export const LINE_BYTES: number = TEXTS[0]!.length + 2;
