/** A summary with these fields, in the lines of `summaryJson`. The fields stand in the order of the record. */
export function summaryOf(fields: Readonly<Record<string, unknown>>): string {
  const lines = Object.groupBy(Object.entries(fields), ([name]) => LINE_OF[name] ?? 'details');
  const piece = (line: Line): string => (lines[line] ?? []).map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',');
  return [`{${piece('head')},`, `${piece('exception')},`, `${piece('outcome')},`, `${piece('details')},`, piece('cancellable'), '}'].join('\n');
}

type Line = 'head' | 'exception' | 'outcome' | 'details' | 'cancellable';

const LINE_OF: Readonly<Record<string, Line>> = {
  task_name: 'head',
  task_uuid: 'head',
  start: 'head',
  end: 'head',
  exception: 'exception',
  finished: 'outcome',
  status: 'outcome',
  state: 'outcome',
  cancellable: 'cancellable',
};
