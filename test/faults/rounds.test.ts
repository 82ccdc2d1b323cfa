import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Figures } from './figures.ts';
import { acknowledgedIsStored, nothingElseIsStored, orderIsKept, reportedBeforeKillIsStored } from './laws-of-facts.ts';
import { answersOnlyGrow, endsAreTrue, killedAreLost, livingAreNotLost, workersEnd } from './laws-of-states.ts';
import { listIsWhole, streamsAreWhole } from './laws-of-streams.ts';
import { LAWS } from './laws.ts';
import type { Law } from './laws.ts';
import { runRound } from './round.ts';
import { scheduleOf } from './schedule.ts';

/**
 * Rounds of faults with real processes: `npm run faults -- --seed N --rounds M`. Round by round the seed grows by
 * one, so that each can be run again by itself. What it shows is promised in `docs/reliability.md`.
 */
const rounds = Number(process.env['TASKSPAN_FAULT_ROUNDS'] ?? 50);
const firstSeed = Number(process.env['TASKSPAN_FAULT_SEED'] ?? Math.floor(Math.random() * 1_000_000));
/** How many rounds run at a time: their processes mostly wait. */
const AT_ONCE = 2;
const ROUND_LIMIT_MS = 60_000;

const violations = new Map<Law, string[]>();
const broken: string[] = [];
const figures = new Figures();

beforeAll(async () => {
  let next = 0;
  const run = async (): Promise<void> => {
    while (next < rounds) await judge(firstSeed + next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, run));
}, rounds * ROUND_LIMIT_MS);

afterAll(() => console.log(`seeds from ${firstSeed} on: ${figures.toString()}`));

async function judge(seed: number): Promise<void> {
  const schedule = scheduleOf(seed);
  const wrong: string[] = [];
  try {
    const evidence = await runRound(schedule);
    figures.add(evidence);
    for (const law of LAWS) {
      const found = law(evidence).map((what) => `seed ${seed}: ${what}`);
      violations.set(law, [...(violations.get(law) ?? []), ...found]);
      wrong.push(...found);
    }
  } catch (error) {
    broken.push(`seed ${seed}: ${(error as Error).stack}`);
    wrong.push(broken.at(-1)!);
  }
  if (wrong.length === 0) return;
  console.error(`${wrong.join('\n')}\nnpm run faults -- --seed ${seed} --rounds 1 runs it again:\n${JSON.stringify(schedule, null, 2)}`);
}

function expectKept(law: Law): void {
  expect(violations.get(law)).toEqual([]);
}

describe('after any faults', () => {
  test('the rounds have run, and something was acknowledged in them', () => {
    expect(broken).toEqual([]);
    expect(figures.acknowledged).toBeGreaterThan(0);
  });

  test('every acknowledged fact is stored', () => expectKept(acknowledgedIsStored));

  test('nothing is stored twice, and nothing that was never reported', () => expectKept(nothingElseIsStored));

  test('the log keeps the order, and where a fact is stored, all that was reported before it is', () => expectKept(orderIsKept));

  test('what was reported 100 ms before a kill -9 is stored', () => expectKept(reportedBeforeKillIsStored));

  test('an ended task has its true state, status and jobs, and nothing was dropped', () => expectKept(endsAreTrue));

  test('the tasks of a killed worker are lost within 20 s', () => expectKept(killedAreLost));

  test('no task of a living worker is shown as lost', () => expectKept(livingAreNotLost));

  test('a worker that was not killed ends by itself, in time and without an error', () => expectKept(workersEnd));

  test('no answer is behind an earlier one', () => expectKept(answersOnlyGrow));

  test('a stream of a task has no gap and no repeat, whichever servers it came from', () => expectKept(streamsAreWhole));

  test('the stream of all tasks has each change once, and of each task the latest', () => expectKept(listIsWhole));
});
