import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { TaskUpdater } from '../../src/index.ts';
import { isTaskUuid, taskUuid } from '../../src/task-uuid.ts';

/** One of each version of RFC 9562, most of them its own examples. */
const VERSIONS = [
  ['1', 'c232ab00-9414-11ec-b3c8-9f6bdeced846'],
  ['2', '000003e8-6bb9-21ef-8000-325096b39f47'],
  ['3', '5df41881-3aed-3515-88a7-2f4a814cf09e'],
  ['4', '919108f7-52d1-4320-9bac-f847db4148a8'],
  ['5', '2ed6657d-e927-568b-95e1-2665a8aea6a2'],
  ['6', '1ec9414c-232a-6b00-b3c8-9f6bdeced846'],
  ['7', '017f22e2-79b0-7cc3-98c4-dc0c0c07398f'],
  ['8', '2489e9ad-2ee2-8e00-8ec9-32d5f69181c0'],
] as const;

describe('a task uuid', () => {
  test.each(VERSIONS)('may be of version %s', (_, uuid) => {
    expect(isTaskUuid(uuid)).toBe(true);
    expect(taskUuid(uuid)).toBe(uuid);
  });

  test('becomes lower case', () => {
    const uuid = '54BF5712-B9EC-11E9-AFDD-8C16454A0938';
    expect(taskUuid(uuid)).toBe('54bf5712-b9ec-11e9-afdd-8c16454a0938');
    expect(new TaskUpdater({ taskName: 'T', taskUuid: uuid }).taskUuid).toBe('54bf5712-b9ec-11e9-afdd-8c16454a0938');
  });

  test('is random and new if none is given', () => {
    const uuids = Array.from({ length: 100 }, () => new TaskUpdater({ taskName: 'T' }).taskUuid);
    expect(new Set(uuids).size).toBe(100);
    expect(uuids.every(isTaskUuid)).toBe(true);
  });

  test('begins with the time if none is given, so that later ones sort later', () => {
    onTestFinished(() => void vi.useRealTimers());
    vi.useFakeTimers({ now: 0x017f22e279b0 });
    expect(taskUuid()).toMatch(/^017f22e2-79b0-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    vi.setSystemTime(0x017f22e279b1);
    expect(taskUuid()).toMatch(/^017f22e2-79b1-7/);
  });

  test.each([
    ['nil', '00000000-0000-0000-0000-000000000000'],
    ['max', 'ffffffff-ffff-ffff-ffff-ffffffffffff'],
    ['of version 0', '919108f7-52d1-0320-9bac-f847db4148a8'],
    ['of version 9', '919108f7-52d1-9320-9bac-f847db4148a8'],
    ['of another variant', '919108f7-52d1-4320-cbac-f847db4148a8'],
    ['too short', '919108f7-52d1-4320-9bac-f847db4148a'],
    ['too long', '919108f7-52d1-4320-9bac-f847db4148a80'],
    ['without hyphens', '919108f752d143209bacf847db4148a8'],
    ['in braces', '{919108f7-52d1-4320-9bac-f847db4148a8}'],
    ['a urn', 'urn:uuid:919108f7-52d1-4320-9bac-f847db4148a8'],
    ['with a line feed', '919108f7-52d1-4320-9bac-f847db4148a8\n'],
    ['with spaces', ' 919108f7-52d1-4320-9bac-f847db4148a8 '],
    ['not hexadecimal', '919108f7-52d1-4320-9bac-f847db4148ag'],
    ['empty', ''],
  ])('is refused when it is %s', (_, uuid) => {
    expect(isTaskUuid(uuid)).toBe(false);
    expect(() => taskUuid(uuid)).toThrow(
      new TypeError(`taskUuid: expected a UUID (RFC 9562), got ${JSON.stringify(uuid)}`),
    );
  });

  test.each([
    [null, 'null'],
    [5, '5'],
    [{}, '{}'],
    [[VERSIONS[0][1]], `["${VERSIONS[0][1]}"]`],
  ])('is refused when it is no string: %j', (value, shown) => {
    expect(() => taskUuid(value)).toThrow(new TypeError(`taskUuid: expected a UUID (RFC 9562), got ${shown}`));
  });
});
