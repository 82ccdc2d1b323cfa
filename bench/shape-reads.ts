import type { Fact } from '../collector/index.ts';
import { NewTask } from './new-task.ts';
import { inRequests, logsOf } from './shape-requests.ts';
import type { Shape } from './shape-requests.ts';

/** Requests whose answers are long, or could be. */
export function readShapesOf(isQuick: boolean): Shape[] {
  const n = isQuick ? 1000 : 10_000;
  const emptyLines = logOfEmptyLines(n / 100);
  const scopes = scopesWithLines(10 * n);
  const results = Array.from({ length: n / 100 }, () => taskWithResult(1_000_000));
  const [log, tree] = [`/tasks/${emptyLines.uuid}`, `/tasks/${scopes.uuid}/scopes`];
  return [
    { name: 'a log of empty lines', prepare: [logsOf(emptyLines.facts)], requests: [{ path: `${log}/log` }] },
    { name: 'the same with times', requests: [{ path: `${log}/log?times=1` }] },
    { name: 'the same as entries', requests: [{ path: `${log}/log`, headers: { Accept: 'application/x-ndjson' } }] },
    { name: 'its record', requests: [{ path: log }] },
    { name: 'its scopes', requests: [{ path: `${log}/scopes` }] },
    { name: 'the scopes of a large task', prepare: inRequests(scopes.facts, 1000), requests: [{ path: tree }] },
    { name: 'a list of tasks with long results', prepare: results.map(logsOf), requests: [{ path: '/tasks?limit=200' }] },
  ];
}

interface Made {
  readonly uuid: string;
  readonly facts: Fact[];
}

/** Messages of line breaks: each becomes six bytes of the log. */
function logOfEmptyLines(messages: number): Made {
  const task = new NewTask();
  const message = `a${'\n'.repeat(65_530)}b`;
  return { uuid: task.uuid, facts: [task.start(), ...Array.from({ length: messages }, () => task.notification(task.root, message))] };
}

function scopesWithLines(count: number): Made {
  const task = new NewTask();
  const facts = [task.start()];
  for (let number = 0; number < count; number++) {
    const scope = task.scope();
    facts.push(task.begin(scope), task.notification(scope, 'A line.'), task.end(scope));
  }
  return { uuid: task.uuid, facts };
}

function taskWithResult(characters: number): Fact[] {
  const task = new NewTask();
  return [task.start(), { kind: 'result', ...task.next(task.root), result: JSON.stringify('x'.repeat(characters)) }];
}
