import type { LogRange } from './task-store.ts';

/** A piece of log text as it was committed. */
export interface LogPiece {
  offset: number;
  text: string;
}

/** The range in bytes of the whole log: from its first byte to the one after its last. */
export function resolveRange(range: LogRange | undefined, logBytes: number): { from: number; to: number } {
  const { from = 0, limit = Infinity } = range ?? {};
  const begin = Math.min(logBytes, from < 0 ? Math.max(0, logBytes + from) : from);
  return { from: begin, to: Math.min(logBytes, begin + Math.max(0, limit)) };
}

/**
 * Cuts pieces to a range, with no character cut in two: the text ends with a line where it can,
 * and with a whole character in any case. From the log's end it begins with a line.
 */
export function cutLog(pieces: readonly LogPiece[], range: LogRange | undefined, logBytes: number): LogPiece {
  const { from, to } = resolveRange(range, logBytes);
  const first = pieces[0];
  if (first === undefined || from >= to) return { offset: from, text: '' };
  if (first.offset === from && to === logBytes) return { offset: from, text: joined(pieces) };
  const bytes = Buffer.from(joined(pieces), 'utf8');
  let begin = from - first.offset;
  if ((range?.from ?? 0) < 0 && begin > 0 && bytes[begin - 1] !== LINE_FEED) {
    begin = bytes.indexOf(LINE_FEED, begin) + 1 || bytes.length;
  }
  while (begin < bytes.length && isContinuation(bytes[begin]!)) begin++;
  let end = to - first.offset;
  if (end < bytes.length) end = wholeEnd(bytes, begin, end);
  return { offset: first.offset + begin, text: bytes.toString('utf8', begin, end) };
}

function wholeEnd(bytes: Buffer, begin: number, end: number): number {
  const line = bytes.lastIndexOf(LINE_FEED, end - 1) + 1;
  if (line > begin) return line;
  let whole = end;
  while (whole > begin && isContinuation(bytes[whole]!)) whole--;
  if (whole > begin) return whole;
  // Not even one character fits: one it is all the same, so that a reader gets on.
  whole = end;
  while (whole < bytes.length && isContinuation(bytes[whole]!)) whole++;
  return whole;
}

function joined(pieces: readonly LogPiece[]): string {
  return pieces.length === 1 ? pieces[0]!.text : pieces.map((piece) => piece.text).join('');
}

const LINE_FEED = 10;

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}
