import { expect, test } from 'vitest';
import { Trouble } from '../../../collector/runtime/trouble.ts';

function tried(): { trouble: Trouble; told: string[] } {
  const told: string[] = [];
  return { trouble: new Trouble({ begins: 'it does not work', ends: 'it works again', report: (message) => told.push(message) }), told };
}

test('a trouble is told once for each cause while it lasts, and once when it is over', () => {
  const { trouble, told } = tried();
  trouble.over();
  for (const cause of ['away', 'locked', 'away', 'locked']) trouble.failed(new Error(cause));
  trouble.over();
  trouble.over();
  expect(told).toEqual(['it does not work: away', 'it does not work: locked', 'it works again']);
});

test('a trouble that comes back is told anew', () => {
  const { trouble, told } = tried();
  for (let round = 0; round < 2; round++) {
    trouble.failed(new RangeError(''));
    trouble.over();
  }
  expect(told).toEqual(['it does not work: RangeError', 'it works again', 'it does not work: RangeError', 'it works again']);
});

test('a trouble that has another cause each time does not fill the logs', () => {
  const { trouble, told } = tried();
  for (let port = 0; port < 1000; port++) trouble.failed(new Error(`away at ${port}`));
  trouble.over();
  expect(told).toHaveLength(21);
});
