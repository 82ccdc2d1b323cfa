import { StringDecoder } from 'node:string_decoder';
import { stripVTControlCharacters } from 'node:util';

/** The longest line in one piece, in characters: what is longer comes in several. */
export const LONGEST_LINE: number = 64 * 1024;

/**
 * A program's output, which comes in any pieces, as lines of text. Bytes that are no UTF-8 become
 * U+FFFD, colours are left out, and of a line that was drawn over by carriage returns its last form
 * stands.
 */
export class OutputLines {
  readonly #decoder = new StringDecoder('utf8');
  readonly #line: (line: string) => void;
  #rest = '';

  /** @param line Called with each line, without its end. */
  constructor(line: (line: string) => void) {
    this.#line = line;
  }

  push(bytes: Buffer): void {
    this.#take(this.#decoder.write(bytes));
  }

  /** What came last, without an end of line. */
  end(): void {
    this.#take(this.#decoder.end());
    if (this.#rest !== '') this.#tell(this.#rest);
    this.#rest = '';
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) this.#tell(line);
    while (this.#rest.length > LONGEST_LINE) {
      const piece = firstPiece(this.#rest);
      this.#tell(piece);
      this.#rest = this.#rest.slice(piece.length);
    }
  }

  #tell(line: string): void {
    let rest = lastForm(stripVTControlCharacters(line));
    while (rest.length > LONGEST_LINE) {
      const piece = firstPiece(rest);
      this.#line(piece);
      rest = rest.slice(piece.length);
    }
    this.#line(rest);
  }
}

/** Not cut in the midst of a character. */
function firstPiece(text: string): string {
  const last = text.charCodeAt(LONGEST_LINE - 1);
  const isHalf = last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, isHalf ? LONGEST_LINE - 1 : LONGEST_LINE);
}

function lastForm(line: string): string {
  const drawn = line.endsWith('\r') ? line.slice(0, -1) : line;
  return drawn.slice(drawn.lastIndexOf('\r') + 1);
}
