import type { Evidence, StoredTaskEvidence, WorkerEvidence } from './evidence.ts';
import type { ReportedFact } from './worker-lines.ts';
import { named, reportsOf, scopesIn, startLine, StoredFacts } from './reports.ts';
import type { Report } from './reports.ts';

/** The laws of facts: what was reported, against what is stored. */

/** A fact that was reported this many milliseconds before a `kill -9` outlives it. */
export const KEPT_AFTER_MS = 100;

export function acknowledgedIsStored({ workers, stored }: Evidence): string[] {
  return workers.flatMap((worker) => {
    const facts = factsOf(worker, stored);
    return reportsOf(worker)
      .filter(({ fact, isAcknowledged }) => isAcknowledged && !facts(fact))
      .map(({ fact }) => `acknowledged and not stored: ${named(fact)}`);
  });
}

/** Each stored message and scope was reported, is stored once, and stands alike in log and tree. */
export function nothingElseIsStored({ workers, stored }: Evidence): string[] {
  return workers.flatMap((worker) => {
    const reports = reportsOf(worker);
    return worker.tasks.flatMap((task) => {
      const kept = stored.get(task);
      return kept === undefined ? [] : unexpected(kept, reports.map(({ fact }) => fact).filter((fact) => fact.task === task));
    });
  });
}

function unexpected({ record: { log }, attempts }: StoredTaskEvidence, reported: readonly ReportedFact[]): string[] {
  const wrong: string[] = [];
  const expectOnce = (what: string, found: readonly string[], known: ReadonlySet<string>): void => {
    const seen = new Set<string>();
    for (const text of found) {
      if (!known.has(text)) wrong.push(`never reported: ${what} ${text}`);
      if (seen.has(text)) wrong.push(`stored twice: ${what} ${text}`);
      seen.add(text);
    }
  };
  const scopes = new Set(reported.flatMap((fact) => (fact.kind === 'scope-start' ? [fact.scope] : [])));
  const texts = new Set(reported.flatMap((fact) => (fact.kind === 'message' ? [fact.text] : [])));
  const lines = log.split('\n');
  const messages = messagesIn(log);
  expectOnce('line', messages, texts);
  expectOnce('line', lines.filter((line) => /^\t - [\d.]+$/.test(line)), new Set([...scopes].map(startLine)));
  expectOnce('last line', lines.filter((line) => line.startsWith('\tTask Finished')).map(() => 'of the task'), new Set(['of the task']));
  const records = scopesIn(attempts);
  expectOnce('scope', records.map(({ name }) => name), scopes);
  if (attempts.length !== 1) wrong.push(`expected one attempt, got ${attempts.length}`);
  for (const { name, notification_count } of records) {
    const count = messages.filter((text) => text.startsWith(`${name}/`)).length;
    if (count !== notification_count) wrong.push(`scope ${name} counts ${notification_count} messages, the log has ${count}`);
  }
  const most = new Map<string, number>();
  for (const fact of reported) if (fact.kind === 'progress') most.set(fact.scope, fact.done);
  for (const { name, done } of records) if ((done ?? 0) > (most.get(name) ?? 0)) wrong.push(`never reported: progress ${done} of scope ${name}`);
  return wrong;
}

/** The log keeps the order of the reports, and where a fact is stored, all before it are. */
export function orderIsKept({ workers, stored }: Evidence): string[] {
  return workers.flatMap((worker) => {
    const reports = reportsOf(worker);
    const facts = factsOf(worker, stored);
    const outOfOrder = worker.tasks.flatMap((task) => unordered(task, stored.get(task)?.record.log ?? '', reports));
    const last = reports.findLast(({ fact }) => facts(fact));
    const holes = reports.filter((report) => last !== undefined && isBefore(report, last) && !facts(report.fact));
    return [...outOfOrder, ...holes.map(({ fact }) => `${named(fact)} is not stored, but what came after it is`)];
  });
}

function unordered(task: string, log: string, reports: readonly Report[]): string[] {
  const positions = new Map(reports.flatMap(({ fact }, at) => (fact.kind === 'message' && fact.task === task ? [[fact.text, at]] : [])));
  const messages = messagesIn(log).filter((text) => positions.has(text));
  return messages.flatMap((text, index) => {
    const before = messages[index - 1];
    return before !== undefined && positions.get(before)! > positions.get(text)! ? [`${before} stands before ${text} in ${task}`] : [];
  });
}

/**
 * Whether the first call had returned when the second began. Two calls at the same time, in scopes side by side, have
 * no known order.
 */
function isBefore(first: Report, second: Report): boolean {
  return first.returned !== undefined && first.returned < second.begun;
}

/**
 * What was reported {@link KEPT_AFTER_MS} before its worker was killed is stored. A store fault, a stop of the worker
 * or a killed collector thread before may delay it: then only order is promised.
 */
export function reportedBeforeKillIsStored({ workers, stored, storeFaults, stallMs }: Evidence): string[] {
  return workers.flatMap((worker) => {
    const { killedAt } = worker;
    if (killedAt === undefined || wasDelayed(worker, killedAt, storeFaults)) return [];
    const facts = factsOf(worker, stored);
    return reportsOf(worker)
      .filter(({ at = killedAt, fact }) => at <= killedAt - KEPT_AFTER_MS - stallMs && !facts(fact))
      .map(({ at, fact }) => `reported ${killedAt - at!} ms before the kill and not stored: ${named(fact)}`);
  });
}

export function wasDelayed(worker: WorkerEvidence, killedAt: number, storeFaults: Evidence['storeFaults']): boolean {
  const starts = [...storeFaults, ...worker.stops].map(({ from }) => from);
  return starts.some((from) => from <= killedAt) || worker.lines.some(({ is }) => is === 'thread-killed');
}

/** Gives a function that finds out whether a fact of a worker's tasks is stored. */
function factsOf({ tasks }: WorkerEvidence, stored: Evidence['stored']): (fact: ReportedFact) => boolean {
  const byTask = new Map(tasks.map((task) => [task, new StoredFacts(stored.get(task))]));
  return (fact) => byTask.get(fact.task)!.has(fact);
}

function messagesIn(log: string): string[] {
  return [...log.matchAll(/^\t([\d.]+\/\d+\/\d+)$/gm)].map(([, text]) => text!);
}
