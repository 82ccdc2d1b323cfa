import { PIECES } from '../../../collector/record/record-json.ts';

/** A summary with these fields, in the lines of `summaryJson`. The fields stand in the order of the record. */
export function summaryOf(fields: Readonly<Record<string, unknown>>): string {
  const lines = Object.groupBy(Object.entries(fields), ([name]) => LINE_OF[name] ?? 'details');
  const piece = (line: Line): string => (lines[line] ?? []).map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)},`).join('');
  const pieces = PIECES.map((name) => piece(name));
  return ['{' + pieces[0], ...pieces.slice(1, -2), pieces.at(-2)!.slice(0, -1), '}'].join('\n');
}

type Line = (typeof PIECES)[number];

const LINE_OF: Readonly<Record<string, Line>> = {
  task_name: 'head',
  task_uuid: 'head',
  start: 'head',
  end: 'head',
  exception: 'exception',
  finished: 'state',
  status: 'state',
  state: 'state',
  attempt: 'progress',
  jobs: 'progress',
  progress: 'progress',
  result: 'result',
  outcome: 'outcome',
  error: 'error',
  exception_causes: 'exceptionCauses',
  attributes: 'attributes',
  cancellable: 'cancellable',
};
