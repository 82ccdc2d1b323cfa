import type { TaskRecord, TaskSummary } from '../../collector/index.ts';
import type { Answer, Evidence, Span, WorkerEvidence } from './evidence.ts';
import { reportsOf } from './reports.ts';
import { INTERVAL_MS } from './schedule.ts';
import type { ScopePlan } from './schedule.ts';

/** The laws of states: whether answers, streams and stored records show the true state of tasks. */

/** A killed worker's tasks are lost within so many milliseconds. */
export const LOST_WITHIN_MS = 20_000;

/** An ended task has the state, the status, the times and the jobs that its worker gave it. */
export function endsAreTrue({ schedule, workers, stored }: Evidence): string[] {
  const plans = new Map(schedule.workers.flatMap(({ tasks }) => tasks.map(({ uuid, scopes }) => [uuid, scopes])));
  return workers.flatMap((worker) => {
    const ends = new Map(reportsOf(worker).flatMap(({ fact }) => (fact.kind === 'task-end' ? [[fact.task, fact.state]] : [])));
    return worker.tasks.flatMap((task) => {
      const record = stored.get(task)?.record;
      const isKilled = worker.killedAt !== undefined;
      if (record === undefined) return isKilled ? [] : [`${task} is not stored`];
      if (isKilled && record.state === 'lost') return [];
      return differences(task, record, endOf(ends.get(task), plans.get(task)!));
    });
  });
}

/** Fields of a record. */
type End = Readonly<Record<string, unknown>>;

function endOf(state: 'completed' | 'failed' | undefined, scopes: readonly ScopePlan[]): End {
  const jobs = jobsOf(scopes);
  const failed = jobs.filter(({ fails }) => fails).length;
  return {
    ...(state !== undefined && { state, status: state === 'completed' ? 1 : 0 }),
    finished: true,
    jobs: { total: jobs.length, finished: jobs.length - failed, failed, running: 0 },
    heard: null,
    // Checked where a record has the field: nothing was dropped.
    facts_missing: 0,
  };
}

function differences(task: string, record: TaskRecord, end: End): string[] {
  const wrong = Object.entries(end).flatMap(([name, value]) => {
    const actual = (record as unknown as Record<string, unknown>)[name];
    if (actual === undefined || JSON.stringify(actual) === JSON.stringify(value)) return [];
    return [`${task} has ${name} ${JSON.stringify(actual)}, expected ${JSON.stringify(value)}`];
  });
  return record.end === null ? [...wrong, `${task} has no end`] : wrong;
}

/** A scope with scopes inside is no job. */
function jobsOf(scopes: readonly ScopePlan[]): ScopePlan[] {
  return scopes.flatMap((scope) => (scope.inside.length === 0 ? [scope] : jobsOf(scope.inside)));
}

/** What a killed worker left open is lost, in time, and not finished. */
export function killedAreLost({ workers, stored }: Evidence): string[] {
  return workers.flatMap(({ tasks, killedAt, lostAfterMs }) => {
    if (killedAt === undefined) return [];
    const late = lostAfterMs.filter((ms) => ms > LOST_WITHIN_MS).map((ms) => `lost ${ms} ms after the kill`);
    const wrong = tasks.flatMap((task) => {
      const record = stored.get(task)?.record;
      if (record === undefined || record.state === 'completed' || record.state === 'failed') return [];
      const { state, status, finished, end } = record;
      const isTrue = state === 'lost' && status === 2 && !finished && end === null;
      return isTrue ? [] : [`${task} of a killed worker is ${state}, status ${status}, finished ${finished}, end ${end}`];
    });
    return [...late, ...wrong];
  });
}

/**
 * Only the tasks of a silent worker are shown as `lost`: it was killed, or stopped or without its collector thread for
 * longer than an interval, and was not heard again since.
 */
export function livingAreNotLost({ workers, answers, streams }: Evidence): string[] {
  return workers.flatMap((worker) => {
    const silences = silencesOf(worker);
    return worker.tasks.flatMap((task) => {
      const ofTask = answers.filter((answer) => answer.task === task);
      const lost = ofTask.filter(({ record }) => record?.state === 'lost');
      const wrong = lost.filter((answer) => !silences.some((silence) => excuses(silence, answer, ofTask)));
      const streamed = streams
        .filter((stream) => stream.task === task)
        .flatMap(({ events }) => events)
        .filter(({ data, receivedAt }) => data.includes('"state":"lost"') && !silences.some(({ from }) => from <= receivedAt));
      return [
        ...wrong.map(({ receivedAt }) => `an answer shows ${task} as lost at ${receivedAt}: its worker lived`),
        ...streamed.map(({ receivedAt }) => `a stream shows ${task} as lost at ${receivedAt}: its worker lived`),
      ];
    });
  });
}

function silencesOf({ killedAt, stops, lines }: WorkerEvidence): Span[] {
  const silences = [...stops];
  for (const [index, line] of lines.entries()) {
    if (line.is !== 'thread-killed') continue;
    const back = lines.slice(index).find(({ is }) => is === 'thread-back') as { at: number } | undefined;
    silences.push({ from: line.at, to: back?.at ?? killedAt ?? Infinity });
  }
  const long = silences.filter(({ from, to }) => to - from > INTERVAL_MS);
  return killedAt === undefined ? long : [...long, { from: killedAt, to: Infinity }];
}

/** Whether the silence had begun, and no earlier answer has a heartbeat after the end of the silence. */
function excuses({ from, to }: Span, answer: Answer, ofTask: readonly Answer[]): boolean {
  if (from > answer.receivedAt) return false;
  return !ofTask.some(({ receivedAt, record }) => receivedAt < answer.sentAt && Date.parse(record?.heard ?? '') > to);
}

/** A worker that was not killed ends by itself without an error, and no wait of the suite was in vain. */
export function workersEnd({ workers, unsettled }: Evidence): string[] {
  const wrong = workers.flatMap(({ killedAt, code, stderr }, index) =>
    killedAt === undefined && code !== 0 ? [`worker ${index} ended with code ${code}: ${stderr}`] : [],
  );
  return [...unsettled, ...wrong];
}

/** A later answer is never behind an earlier one, whichever server gave it: versions grow, logs are added to, ends stay. */
export function answersOnlyGrow({ answers, stored, storeFaults }: Evidence): string[] {
  const wrong: string[] = [];
  const before = new Map<string, TaskSummary>();
  for (const { task, status, record } of answers) {
    const earlier = before.get(task);
    if (record === undefined) {
      const mayBe = status === 503 ? storeFaults.length > 0 : status === 404 && earlier === undefined;
      if (!mayBe) wrong.push(`${task} was answered by ${status}`);
      continue;
    }
    before.set(task, record);
    const { version, state, log = '' } = record;
    if (stored.get(task)?.record.log.startsWith(log) !== true) wrong.push(`${task} had another log at version ${version}`);
    if (earlier === undefined) continue;
    if (version < earlier.version) wrong.push(`${task} went from version ${earlier.version} to ${version}`);
    if (record.log_bytes < earlier.log_bytes) wrong.push(`the log of ${task} became shorter`);
    if (earlier.finished && state !== earlier.state) wrong.push(`${task} was ${earlier.state}, then ${state}`);
  }
  for (const [task, { version }] of before) {
    if (version > (stored.get(task)?.record.version ?? 0)) wrong.push(`${task} was shown in version ${version}, which is not stored`);
  }
  return wrong;
}
