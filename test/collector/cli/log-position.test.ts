import { describe, expect, it } from 'vitest';
import { lastLines, LogPosition } from '../../../collector/cli/tail.ts';

describe('the position in a log that is followed', () => {
  it('begins with all that the record has, or with its last lines', () => {
    expect(new LogPosition().begin('one\ntwo\n', 0)).toBe('one\ntwo\n');
    expect(new LogPosition(1).begin('one\ntwo\n', 0)).toBe('two\n');
  });

  it('gives the new bytes of a record that comes again', () => {
    const position = new LogPosition(1);
    position.begin('zwölf\n', 0);
    position.gained({ offset: 7, text: '東\n' });
    expect(position.begin('zwölf\n東\n🚀\n', 0)).toBe('🚀\n');
    expect(position.begin('zwölf\n東\n🚀\n', 0)).toBe('');
    expect(position.begin('東\n🚀\nend\n', 7)).toBe('end\n');
  });

  it('gives the whole of another log, and of one with a gap', () => {
    const shorter = new LogPosition();
    shorter.begin('one\ntwo\n', 0);
    expect(shorter.begin('new\n', 0)).toBe('new\n');
    const later = new LogPosition();
    later.begin('one\n', 0);
    expect(later.begin('nine\n', 100)).toBe('nine\n');
  });
});

describe('where the log of a record begins too late', () => {
  const MIB = 1024 * 1024;

  it('all of it up to 1 MiB is read, but no more lines than are to be shown', () => {
    expect(new LogPosition().readFrom('c\nd\n', 4)).toBe(0);
    expect(new LogPosition().readFrom('c\nd\n', 2 * MIB)).toBe(MIB + 4);
    expect(new LogPosition(2).readFrom('c\nd\n', 4)).toBe(4);
    expect(new LogPosition(3).readFrom('c\nd\n', 4)).toBe(0);
    expect(new LogPosition().readFrom('a\n', 0)).toBe(0);
  });

  it('what was not shown is read, where a server could not go on from the last event', () => {
    const position = new LogPosition();
    position.begin('a\n', 0);
    expect(position.readFrom('x\n', 1000)).toBe(2);
    expect(position.readFrom('x\n', 3 * MIB)).toBe(2 * MIB + 2);
    expect(position.readFrom('b\n', 0)).toBe(0);
  });
});

describe('the last lines of a text', () => {
  it.each([
    [0, ''],
    [1, 'c\n'],
    [2, '\nc\n'],
    [3, 'a\n\nc\n'],
    [9, 'a\n\nc\n'],
  ])('%i of them', (count, expected) => {
    expect(lastLines('a\n\nc\n', count)).toBe(expected);
  });

  it('have one without an end of line, and an empty one at the beginning', () => {
    expect(lastLines('\nb\n', 2)).toBe('\nb\n');
    expect(lastLines('a\nb', 1)).toBe('b');
  });
});
