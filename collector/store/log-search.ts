import { received } from '../../src/failure.ts';
import { Slices } from '../async.ts';
import { isContinuation } from '../record/journal.ts';
import { performance } from '../timers.ts';
import type { LogPiece } from './stored-log.ts';
import type { FindQuery, FoundLines, LogMatch } from './task-store.ts';

/** The longest text to search, in UTF-16 code units: it bounds the time of a search in any log. */
const LONGEST_TEXT = 200;

/** Throws `RangeError` for a text that can't be looked for. */
export function checkSearch(text: string): void {
  if (text !== '' && text.length <= LONGEST_TEXT && !text.includes('\n')) return;
  throw new RangeError(`find: expected 1 to ${LONGEST_TEXT} characters of one line, got ${text.length > LONGEST_TEXT ? text.length : received(text)}`);
}

/** How many bytes of a log are searched at once, and at the most in one call. */
const PIECE_BYTES = 64 * 1024;
const MOST_BYTES = 32 * 1024 * 1024;
/** A call takes this time at the most, in milliseconds. */
const MOST_MS = 1000;
const MOST_MATCHES = 100;

/**
 * Looks through a log, a piece at a time, so that no turn of the event loop is long. A call ends with the log, with the
 * last match that is wanted, or when it has looked through much or for long.
 *
 * @param read Reads the rows of the log from the one on that has a byte, up to so many bytes, at least one; none where the
 *   task has been deleted. Then there is no answer either.
 */
export async function searchLog(
  { text, after = 0, limit = MOST_MATCHES }: FindQuery,
  logBytes: number,
  read: (from: number, bytes: number) => Promise<LogPiece | undefined>,
): Promise<Pick<FoundLines, 'matches' | 'lookedTo' | 'more'> | undefined> {
  const search = new LogSearch(text, after, limit);
  const slices = new Slices();
  const began = performance.now();
  for (let from = after; from < Math.min(logBytes, after + MOST_BYTES) && performance.now() - began < MOST_MS; ) {
    const piece = await read(from, PIECE_BYTES);
    if (piece === undefined || piece.text === '') return undefined;
    if (!search.take(piece)) break;
    from = piece.offset + Buffer.byteLength(piece.text);
    await slices.next();
  }
  const { matches, lookedTo } = search;
  return { matches, lookedTo, more: lookedTo < logBytes };
}

/** How many code units of a longer line are shown, and how many of them before the match. */
const SHOWN_LINE = 1000;
const SHOWN_BEFORE = 200;

/**
 * Looks for a text in a log that comes in pieces: literally, without regard to case by the simple case folding of
 * Unicode. Matches do not overlap. One that begins in a piece and ends in the next is found too.
 */
class LogSearch {
  readonly matches: LogMatch[] = [];
  /** All matches that begin before this byte of the log are known, and none that begins later. */
  lookedTo: number;
  readonly #pattern: RegExp;
  readonly #length: number;
  readonly #limit: number;
  /** The end of the piece before, in which a match may begin. */
  #carry = '';

  /** @param after The byte of the log at which matches begin at the earliest. */
  constructor(text: string, after: number, limit: number) {
    checkSearch(text);
    // By the flag `u` case is folded a character at a time: a match has as many code units as the text.
    this.#pattern = new RegExp(text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'giu');
    this.#length = text.length;
    this.#limit = limit;
    this.lookedTo = after;
  }

  /** Takes the piece of the log that follows, the first one with the byte of `after`. Gives whether another is wanted. */
  take({ offset, text }: LogPiece): boolean {
    const all = this.#carry + text;
    const begin = this.#carry === '' ? offset : this.lookedTo;
    const place = new ByteCounter(all, begin);
    let from = this.lookedTo > begin ? indexOfByte(all, this.lookedTo - begin) : 0;
    this.#pattern.lastIndex = from;
    for (let found = this.#pattern.exec(all); found !== null; found = this.#pattern.exec(all)) {
      const { index } = found;
      from = index + found[0].length;
      this.matches.push(matchAt(all, index, from, place));
      if (this.matches.length < this.#limit) continue;
      this.lookedTo = place.byteAt(from);
      return false;
    }
    // A match is on one line, and one that begins before this has been found.
    from = wholeIndex(all, Math.max(from, all.lastIndexOf('\n') + 1, all.length - this.#length + 1));
    this.#carry = all.slice(from);
    this.lookedTo = place.byteAt(from);
    return true;
  }
}

function matchAt(all: string, index: number, end: number, place: ByteCounter): LogMatch {
  const lineBegin = all.lastIndexOf('\n', index - 1) + 1;
  const feed = all.indexOf('\n', end);
  const lineEnd = feed === -1 ? all.length : feed;
  const isLong = lineEnd - lineBegin > SHOWN_LINE;
  const shownFrom = isLong ? wholeIndex(all, Math.max(lineBegin, index - SHOWN_BEFORE)) : lineBegin;
  const shownTo = isLong ? wholeIndex(all, Math.min(lineEnd, shownFrom + SHOWN_LINE)) : lineEnd;
  const line = place.byteAt(shownFrom);
  const offset = place.byteAt(index);
  return { offset, bytes: place.byteAt(end) - offset, line, text: all.slice(shownFrom, shownTo) };
}

/** The index, or that after it where it is in the middle of a character. */
function wholeIndex(text: string, index: number): number {
  const isInside = index > 0 && index < text.length && (text.charCodeAt(index) & 0xfc00) === 0xdc00;
  return isInside ? index + 1 : index;
}

/** The index of the character that begins at a byte, or of the one after it. */
function indexOfByte(text: string, byte: number): number {
  const bytes = Buffer.from(text);
  let at = byte;
  while (at < bytes.length && isContinuation(bytes[at]!)) at++;
  return bytes.toString('utf8', 0, at).length;
}

/** Gives the bytes at which characters of a text stand, quickly for characters that are near each other. */
class ByteCounter {
  readonly #text: string;
  #index = 0;
  #byte: number;

  constructor(text: string, byte: number) {
    this.#text = text;
    this.#byte = byte;
  }

  byteAt(index: number): number {
    if (index < this.#index) this.#byte -= Buffer.byteLength(this.#text.slice(index, this.#index));
    else this.#byte += Buffer.byteLength(this.#text.slice(this.#index, index));
    this.#index = index;
    return this.#byte;
  }
}
