/** A message as a task makes it when it says it. V8 keeps such a text in pieces until somebody reads it. */
export function freshTextAt(index: number): string {
  return `Row ${10_000 + (index & 1023)} of customers.csv is imported`;
}

/** Messages ready-made, as constants are: each in one piece. */
const TEXTS: readonly string[] = Array.from({ length: 1024 }, (_, index) =>
  Buffer.from(freshTextAt(index)).toString('latin1'),
);

/** The text of the so-manieth message. All are of one length. */
export function textAt(index: number): string {
  return TEXTS[index & 1023]!;
}

/** Length of a text's line in the log, in bytes. */
export const LINE_BYTES: number = TEXTS[0]!.length + 2;
