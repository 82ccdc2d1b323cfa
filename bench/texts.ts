/** Messages as a task says them, ready-made: making them is not what is measured. */
const TEXTS: readonly string[] = Array.from(
  { length: 1024 },
  (_, index) => `Row ${10_000 + index} of customers.csv is imported`,
);

/** The text of the so-manieth message. All are of one length. */
export function textAt(index: number): string {
  return TEXTS[index & 1023]!;
}

/** Length of a text's line in the log, in bytes. */
export const LINE_BYTES: number = TEXTS[0]!.length + 2;
