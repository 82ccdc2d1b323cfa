import type { Attributes } from '@opentelemetry/api';
import type { Fact } from '../../src/fact.ts';
import { turn } from '../async.ts';
import { inOrder } from '../record/fact-sequence.ts';

/*
 * Cuts the facts of an append so that a store takes no turn of the event loop for long. The facts of a task are sorted as a
 * whole before they are cut, so that the log has them in the order of their times.
 */

/** So many facts, or so many characters of their texts, are a slice. */
const SLICE_FACTS = 2500;
const SLICE_CHARACTERS = 256 * 1024;
/** Progress goes through all scopes around a scope, which may be many: it counts as so many facts. */
const PROGRESS = 3;
/** So many facts are sorted in one turn. */
const SORT_FACTS = 10_000;
/** So many facts are merged in one turn. */
const MERGE_FACTS = 100_000;

/** Whether facts are one slice, in whatever order they are. */
export function areOneSlice(facts: readonly Fact[]): boolean {
  if (facts.length > SLICE_FACTS) return false;
  let [cost, characters] = [0, 0];
  for (const fact of facts) {
    cost += costOf(fact);
    characters += charactersOf(fact);
  }
  return facts.length <= 1 || (cost <= SLICE_FACTS && characters <= SLICE_CHARACTERS);
}

/** Cuts facts, those of each task in their order. Between two slices the event loop turns. */
export async function* slicesOf(facts: readonly Fact[]): AsyncGenerator<readonly Fact[], void, void> {
  let slice: Fact[] = [];
  let [cost, characters] = [0, 0];
  for (const ofTask of byTask(facts).values()) {
    for (const fact of await sorted(ofTask)) {
      const length = charactersOf(fact);
      if (cost >= SLICE_FACTS || (characters + length > SLICE_CHARACTERS && slice.length > 0)) {
        yield slice;
        slice = [];
        [cost, characters] = [0, 0];
        await turn();
      }
      slice.push(fact);
      cost += costOf(fact);
      characters += length;
    }
  }
  yield slice;
}

/** Facts by the task they belong to, each task's in their order. */
export function byTask(facts: readonly Fact[]): Map<string, Fact[]> {
  const tasks = new Map<string, Fact[]>();
  let uuid: string | undefined;
  let list: Fact[] = [];
  for (const fact of facts) {
    const { taskUuid } = fact.span;
    if (taskUuid !== uuid) {
      uuid = taskUuid;
      list = tasks.get(uuid) ?? [];
      tasks.set(uuid, list);
    }
    list.push(fact);
  }
  return tasks;
}

/** The facts of a task in their order. Of very many, those of one span whose clock has gone back are in order only within their slice. */
async function sorted(facts: readonly Fact[]): Promise<readonly Fact[]> {
  if (facts.length <= SORT_FACTS) return inOrder(facts);
  let runs: (readonly Fact[])[] = [];
  for (let at = 0; at < facts.length; at += SORT_FACTS) {
    runs.push(inOrder(facts.slice(at, at + SORT_FACTS)).toSorted(byTime));
    await turn();
  }
  while (runs.length > 1) {
    const merged: (readonly Fact[])[] = [];
    for (let at = 0; at < runs.length; at += 2) merged.push(runs[at + 1] === undefined ? runs[at]! : await mergeOf(runs[at]!, runs[at + 1]!));
    runs = merged;
  }
  return runs[0]!;
}

async function mergeOf(one: readonly Fact[], other: readonly Fact[]): Promise<readonly Fact[]> {
  // Mostly all of one comes before all of the other.
  if (byTime(one.at(-1)!, other[0]!) <= 0) return one.concat(other);
  const merged: Fact[] = [];
  for (let [at, otherAt] = [0, 0]; at < one.length || otherAt < other.length; ) {
    const isNext = otherAt >= other.length || (at < one.length && byTime(one[at]!, other[otherAt]!) <= 0);
    merged.push(isNext ? one[at++]! : other[otherAt++]!);
    if (merged.length % MERGE_FACTS === 0) await turn();
  }
  return merged;
}

function byTime(one: Fact, other: Fact): number {
  return one.time - other.time;
}

function costOf({ kind }: Fact): number {
  return kind === 'progress' ? PROGRESS : 1;
}

/** About how many characters a fact has that are not bounded by a name's length. */
function charactersOf(fact: Fact): number {
  switch (fact.kind) {
    case 'notification':
      return fact.message.length + (fact.attributes === undefined ? 0 : charactersIn(fact.attributes));
    case 'exception':
      return fact.message.length;
    case 'result':
      return fact.result.length;
    case 'plan':
      return typeof fact.plan === 'number' ? 0 : PLANNED_NAME * Object.keys(fact.plan).length;
    case 'task-announced':
    case 'task-start':
    case 'attributes':
      return charactersIn(fact.attributes);
    case 'scope-end':
    case 'task-end':
      return fact.attributes === undefined ? 0 : charactersIn(fact.attributes);
    default:
      return 0;
  }
}

/** A planned name costs as much as so many characters. */
const PLANNED_NAME = 16;

function charactersIn(attributes: Attributes): number {
  let characters = 0;
  for (const value of Object.values(attributes)) {
    if (typeof value === 'string') characters += value.length;
    else if (Array.isArray(value)) for (const item of value) characters += typeof item === 'string' ? item.length : 8;
  }
  return characters;
}
