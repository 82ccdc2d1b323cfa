/** Lines of one block. The browser lays out only the blocks that are in sight. */
const BLOCK_LINES = 500;

/**
 * The most lines in the document at once: a native find goes through so many in three seconds, and through a million in
 * eleven.
 */
export const MOST_LINES = 200_000;

/** How long the times are that `times=1` puts before each line: `2026-11-30T10:15:02.123Z `. */
const TIME_BYTES = 25;
const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) /gm;

interface Block {
  readonly pre: HTMLPreElement;
  readonly text: Text;
  lines: number;
  /** Bytes of its lines in the log. */
  bytes: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function bytesIn(text: string): number {
  return encoder.encode(text).length;
}

/**
 * A part of a log in the document, as plain text in blocks of lines: find, select and copy are the browser's own. It can
 * grow at both ends, and lets go of the end that is far when it would be too long.
 */
export class LogWindow {
  readonly #lines: HTMLElement;
  readonly #onBlock: (pre: HTMLPreElement, from: number) => void;
  #blocks: Block[] = [];
  /** The bytes of the log that it has. */
  from: number;
  to: number;
  /** Lines in the document. */
  lines = 0;

  /**
   * @param lines The element around the blocks, with those that the server has made.
   * @param onBlock Called with each block that is new, or has grown from a character on.
   */
  constructor(lines: HTMLElement, from: number, to: number, onBlock: (pre: HTMLPreElement, from: number) => void) {
    this.#lines = lines;
    this.#onBlock = onBlock;
    this.from = from;
    this.to = to;
    for (const pre of lines.querySelectorAll('pre')) {
      const text = pre.firstChild as Text;
      this.#blocks.push(this.#counted({ pre, text, lines: linesIn(text.data), bytes: bytesIn(text.data) }));
    }
  }

  get blocks(): readonly HTMLPreElement[] {
    return this.#blocks.map(({ pre }) => pre);
  }

  /** Adds whole lines at the end. */
  append(added: string, hasTimes: boolean): void {
    for (let rest = linesOf(added); rest.length > 0;) {
      const last = this.#blocks.at(-1);
      const room = last === undefined ? 0 : BLOCK_LINES - last.lines;
      if (last === undefined || room <= 0) {
        const block = this.#made(rest.slice(0, BLOCK_LINES), hasTimes);
        this.#blocks.push(block);
        this.#lines.append(block.pre);
        this.to += block.bytes;
        rest = rest.slice(BLOCK_LINES);
        continue;
      }
      const part = rest.slice(0, room);
      const at = last.text.length;
      const bytes = bytesOfLines(part, hasTimes);
      last.text.appendData(shown(part, hasTimes));
      last.lines += part.length;
      last.bytes += bytes;
      this.lines += part.length;
      this.to += bytes;
      if (last.lines === BLOCK_LINES) last.pre.className = 'full';
      this.#onBlock(last.pre, at);
      rest = rest.slice(room);
    }
  }

  /** Adds whole lines at the beginning. */
  prepend(added: string, hasTimes: boolean): void {
    const lines = linesOf(added);
    const blocks: Block[] = [];
    for (let end = lines.length; end > 0; end -= BLOCK_LINES) blocks.unshift(this.#made(lines.slice(Math.max(0, end - BLOCK_LINES), end), hasTimes));
    this.#blocks.unshift(...blocks);
    this.#lines.prepend(...blocks.map(({ pre }) => pre));
    for (const { bytes } of blocks) this.from -= bytes;
  }

  /** Begins anew at a byte, with whole lines. */
  replace(from: number, added: string, hasTimes: boolean): void {
    this.#blocks = [];
    this.#lines.replaceChildren();
    this.lines = 0;
    this.from = from;
    this.to = from;
    this.append(added, hasTimes);
  }

  /** Lets go of the blocks at one end that are too many. */
  letGo(end: 'start' | 'end'): void {
    while (this.lines > MOST_LINES && this.#blocks.length > 1) {
      const block = end === 'start' ? this.#blocks.shift()! : this.#blocks.pop()!;
      block.pre.remove();
      this.lines -= block.lines;
      if (end === 'start') this.from += block.bytes;
      else this.to -= block.bytes;
    }
  }

  /** Where some bytes of the log are in the document; `undefined` if it does not have them. Not while times are shown. */
  rangeOf(offset: number, bytes: number): Range | undefined {
    let at = this.from;
    for (const block of this.#blocks) {
      if (offset < at + block.bytes) {
        if (offset < at) return undefined;
        const encoded = encoder.encode(block.text.data);
        const start = decoder.decode(encoded.subarray(0, offset - at)).length;
        const length = decoder.decode(encoded.subarray(offset - at, offset - at + bytes)).length;
        const range = new Range();
        range.setStart(block.text, start);
        range.setEnd(block.text, Math.min(block.text.length, start + length));
        return range;
      }
      at += block.bytes;
    }
    return undefined;
  }

  #made(lines: readonly string[], hasTimes: boolean): Block {
    const pre = document.createElement('pre');
    const text = document.createTextNode(shown(lines, hasTimes));
    pre.append(text);
    // A block that still grows is always laid out: its height would jump.
    if (lines.length === BLOCK_LINES) pre.className = 'full';
    return this.#counted({ pre, text, lines: lines.length, bytes: bytesOfLines(lines, hasTimes) });
  }

  #counted(block: Block): Block {
    this.lines += block.lines;
    this.#onBlock(block.pre, 0);
    return block;
  }
}

/** The lines of a text, each with its line feed. */
export function linesOf(text: string): string[] {
  return text === '' ? [] : text.split(/(?<=\n)/);
}

function linesIn(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

/** The bytes of lines in the log, which has no times. */
export function bytesOfLines(lines: readonly string[], hasTimes: boolean): number {
  return bytesIn(lines.join('')) - (hasTimes ? lines.length * TIME_BYTES : 0);
}

/** Lines as they are shown: their times in the reader's own time zone. */
function shown(lines: readonly string[], hasTimes: boolean): string {
  const text = lines.join('');
  return hasTimes ? text.replaceAll(TIME, (_, iso: string) => `${timeOf(iso)} `) : text;
}

function timeOf(iso: string): string {
  const date = new Date(iso);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${iso.slice(20, 23)}`;
}
