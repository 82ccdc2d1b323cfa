import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LONGEST_LINE, OutputLines } from '../../../collector/cli/run-child.ts';

function linesOf(...pieces: (string | readonly number[])[]): string[] {
  const received: string[] = [];
  const lines = new OutputLines((line) => received.push(line));
  for (const piece of pieces) lines.push(Buffer.from(piece as string));
  lines.end();
  return received;
}

describe('the output of a program as lines', () => {
  it('has each line, the last one also without an end, and empty ones', () => {
    expect(linesOf('one\n\ntwo\r\nthree')).toEqual(['one', '', 'two', 'three']);
    expect(linesOf('one\n')).toEqual(['one']);
    expect(linesOf('')).toEqual([]);
  });

  it('has U+FFFD for bytes that are not UTF-8, and whole characters that came in pieces', () => {
    expect(linesOf([0x61, 0xff, 0x62, 0x0a])).toEqual(['a\u{fffd}b']);
    expect(linesOf([0xf0, 0x9f], [0x9a], [0x80, 0x0a])).toEqual(['🚀']);
    expect(linesOf([0xf0, 0x9f])).toEqual(['\u{fffd}']);
  });

  it('leaves colours out', () => {
    expect(linesOf('\u{1b}[1;31mred\u{1b}[0m\n')).toEqual(['red']);
  });

  it('has the last form of a line that was drawn over', () => {
    expect(linesOf('10%\r20%\r100%\r\n')).toEqual(['100%']);
  });

  it('has lines that end with CR CR LF, as a program on a terminal writes CR LF', () => {
    expect(linesOf('HTTP/1.1 200 OK\r\r\nServer: x\r\r', '\n\r\r\nbody\n')).toEqual(['HTTP/1.1 200 OK', 'Server: x', '', 'body']);
  });

  it.each([
    ['a carriage return before each form', (percent: number) => `\r${percent}%`],
    ['a carriage return after each form', (percent: number) => `${percent}%\r`],
  ])('has a form of a line once a second while it is drawn again and again, with %s', (_, drawn) => {
    const received: string[] = [];
    let now = 0;
    const lines = new OutputLines((line) => received.push(line), () => now);
    for (let percent = 5; percent <= 100; percent += 5) {
      lines.push(Buffer.from(drawn(percent)));
      now += 250;
    }
    const meanwhile = received.length;
    lines.push(Buffer.from('\nnext\n'));
    expect([meanwhile, received.length]).toEqual([4, 6]);
    expect(received.slice(-2)).toEqual(['100%', 'next']);
  });

  it('has the last form once, where it was given already', () => {
    const received: string[] = [];
    let now = 0;
    const lines = new OutputLines((line) => received.push(line), () => (now += 1000));
    for (const piece of ['99%\r', '100%\r', '100%\r', '\n']) lines.push(Buffer.from(piece));
    expect(received).toEqual(['100%']);
  });

  it('cuts very long lines into pieces, with or without an end, and no character in two', () => {
    const long = 'x'.repeat(LONGEST_LINE - 1);
    for (const end of ['', '\n']) {
      expect(linesOf(`${long}🚀🚀${end}`)).toEqual([long, '🚀🚀']);
      expect(linesOf('y'.repeat(3 * LONGEST_LINE) + end).map(({ length }) => length)).toEqual([LONGEST_LINE, LONGEST_LINE, LONGEST_LINE]);
    }
  });

  it('is the same in whatever pieces it comes', () => {
    const text = fc.array(fc.constantFrom('a', '\n', '\r', '🚀', 'é', '\u{1b}[31m', 'word ')).map((parts) => Buffer.from(parts.join('')));
    fc.assert(
      fc.property(text, fc.array(fc.nat(6)), (bytes, sizes) => {
        const pieces: number[][] = [];
        let at = 0;
        for (const size of sizes) pieces.push([...bytes.subarray(at, (at += size))]);
        pieces.push([...bytes.subarray(at)]);
        expect(linesOf(...pieces)).toEqual(linesOf([...bytes]));
      }),
    );
  });
});
