import type { Evidence, StoredTaskEvidence, WorkerEvidence } from './evidence.ts';
import type { SaidFact } from './said.ts';
import { named, saidFacts, scopesIn, startLine, StoredFacts } from './said-facts.ts';
import type { Said } from './said-facts.ts';

/** What was said, and what of it is there. */

/** After so many milliseconds what was said outlives a `kill -9`. */
export const KEPT_AFTER_MS = 100;

export function acknowledgedIsThere({ workers, stored }: Evidence): string[] {
  return workers.flatMap((worker) => {
    const facts = factsOf(worker, stored);
    return saidFacts(worker)
      .filter(({ fact, isAcknowledged }) => isAcknowledged && !facts(fact))
      .map(({ fact }) => `acknowledged and not there: ${named(fact)}`);
  });
}

/** Each message and each scope once, all of them said, and log and tree of one mind. */
export function nothingElseIsThere({ workers, stored }: Evidence): string[] {
  return workers.flatMap((worker) => {
    const said = saidFacts(worker);
    return worker.tasks.flatMap((task) => {
      const kept = stored.get(task);
      return kept === undefined ? [] : strangers(kept, said.map(({ fact }) => fact).filter((fact) => fact.task === task));
    });
  });
}

function strangers({ record: { log }, attempts }: StoredTaskEvidence, said: readonly SaidFact[]): string[] {
  const wrong: string[] = [];
  const expectOnce = (what: string, found: readonly string[], known: ReadonlySet<string>): void => {
    const seen = new Set<string>();
    for (const one of found) {
      if (!known.has(one)) wrong.push(`never said: ${what} ${one}`);
      if (seen.has(one)) wrong.push(`there twice: ${what} ${one}`);
      seen.add(one);
    }
  };
  const scopes = new Set(said.flatMap((fact) => (fact.kind === 'scope-start' ? [fact.scope] : [])));
  const texts = new Set(said.flatMap((fact) => (fact.kind === 'message' ? [fact.text] : [])));
  const lines = log.split('\n');
  const messages = messagesIn(log);
  expectOnce('line', messages, texts);
  expectOnce('line', lines.filter((line) => /^\t - [\d.]+$/.test(line)), new Set([...scopes].map(startLine)));
  expectOnce('last line', lines.filter((line) => line.startsWith('\tTask Finished')).map(() => 'of the task'), new Set(['of the task']));
  const records = scopesIn(attempts);
  expectOnce('scope', records.map(({ name }) => name), scopes);
  if (attempts.length !== 1) wrong.push(`expected one attempt, got ${attempts.length}`);
  for (const { name, notification_count } of records) {
    const told = messages.filter((text) => text.startsWith(`${name}/`)).length;
    if (told !== notification_count) wrong.push(`scope ${name} counts ${notification_count} messages, the log has ${told}`);
  }
  const most = new Map<string, number>();
  for (const fact of said) if (fact.kind === 'progress') most.set(fact.scope, fact.done);
  for (const { name, done } of records) if ((done ?? 0) > (most.get(name) ?? 0)) wrong.push(`never said: progress ${done} of scope ${name}`);
  return wrong;
}

/** The log tells in the order in which it was said; and what is there has everything before it. */
export function orderIsKept({ workers, stored }: Evidence): string[] {
  return workers.flatMap((worker) => {
    const said = saidFacts(worker);
    const facts = factsOf(worker, stored);
    const outOfOrder = worker.tasks.flatMap((task) => unordered(task, stored.get(task)?.record.log ?? '', said));
    const last = said.findLast(({ fact }) => facts(fact));
    const holes = said.filter((one) => last !== undefined && isBefore(one, last) && !facts(one.fact));
    return [...outOfOrder, ...holes.map(({ fact }) => `${named(fact)} is not there, but what came after it is`)];
  });
}

function unordered(task: string, log: string, said: readonly Said[]): string[] {
  const places = new Map(said.flatMap(({ fact }, place) => (fact.kind === 'message' && fact.task === task ? [[fact.text, place]] : [])));
  const messages = messagesIn(log).filter((text) => places.has(text));
  return messages.flatMap((text, index) => {
    const before = messages[index - 1];
    return before !== undefined && places.get(before)! > places.get(text)! ? [`${before} stands before ${text} in ${task}`] : [];
  });
}

/**
 * Whether the one had been told when the other one began to be. Of two that were told at the same time, in
 * scopes side by side, nothing is known.
 */
function isBefore(one: Said, other: Said): boolean {
  return one.said !== undefined && one.said < other.saying;
}

/**
 * What was said a while before its worker was killed. A store that was away, a worker that was stopped and a
 * thread that was killed before may hold it up: then nothing is promised but order.
 */
export function saidBeforeKillIsThere({ workers, stored, storeFaults, stallMs }: Evidence): string[] {
  return workers.flatMap((worker) => {
    const { killedAt } = worker;
    if (killedAt === undefined || wasHeldUp(worker, killedAt, storeFaults)) return [];
    const facts = factsOf(worker, stored);
    return saidFacts(worker)
      .filter(({ at = killedAt, fact }) => at <= killedAt - KEPT_AFTER_MS - stallMs && !facts(fact))
      .map(({ at, fact }) => `said ${killedAt - at!} ms before the kill and not there: ${named(fact)}`);
  });
}

export function wasHeldUp(worker: WorkerEvidence, killedAt: number, storeFaults: Evidence['storeFaults']): boolean {
  const starts = [...storeFaults, ...worker.stops].map(({ from }) => from);
  return starts.some((from) => from <= killedAt) || worker.lines.some(({ is }) => is === 'thread-killed');
}

/** Tells whether a fact of a worker's tasks is there. */
function factsOf({ tasks }: WorkerEvidence, stored: Evidence['stored']): (fact: SaidFact) => boolean {
  const byTask = new Map(tasks.map((task) => [task, new StoredFacts(stored.get(task))]));
  return (fact) => byTask.get(fact.task)!.has(fact);
}

function messagesIn(log: string): string[] {
  return [...log.matchAll(/^\t([\d.]+\/\d+\/\d+)$/gm)].map(([, text]) => text!);
}
