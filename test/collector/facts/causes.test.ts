import { expect, it } from 'vitest';
import { causesIn, causesOfException } from '../../../collector/facts/causes.ts';

it.each([
  ['[{"name":"Error","message":"no"},{"name":"E","message":""}]', [{ name: 'Error', message: 'no' }, { name: 'E', message: '' }]],
  ['[{"name":"Error","message":"no","more":1},7,{"name":"E"}]', [{ name: 'Error', message: 'no' }]],
  ['[]', undefined],
  ['{"name":"Error","message":"no"}', undefined],
  ['[{', undefined],
  [7, undefined],
])('causes are read from %j', (value, causes) => {
  expect(causesIn({ 'taskspan.error.causes': value })).toEqual(causes);
});

it('at most eight causes are read', () => {
  const json = JSON.stringify(Array.from({ length: 20 }, () => ({ name: 'E', message: '' })));
  expect(causesIn({ 'taskspan.error.causes': json })).toHaveLength(8);
});

const PYTHON = `Traceback (most recent call last):
  File "shop.py", line 4, in read
    open('x')
FileNotFoundError: [Errno 2] No such file or directory: 'x'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "shop.py", line 6, in total
    raise shop.errors.NoTotal('no total') from error
shop.errors.NoTotal: no total

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "shop.py", line 9, in <module>
ValueError: given up
`;

it.each([
  [PYTHON, [{ name: 'NoTotal', message: 'no total' }, { name: 'FileNotFoundError', message: "[Errno 2] No such file or directory: 'x'" }]],
  ['java.io.IOException: outer\n\tat A.b(A.java:1)\nCaused by: java.lang.IllegalStateException: inner\n\t... 3 more', [{ name: 'IllegalStateException', message: 'inner' }]],
  ['Error: outer\n    at f (a.js:1:1)\nCaused by: TypeError: inner\n    at g (a.js:2:2)', [{ name: 'TypeError', message: 'inner' }]],
  ['Error: outer\n    at f (a.js:1:1)', undefined],
  ['', undefined],
])('causes of another instrumentation are read from its stack trace', (stack, causes) => {
  expect(causesOfException({ 'exception.stacktrace': stack })).toEqual(causes);
});
