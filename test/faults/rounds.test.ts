import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Figures } from './figures.ts';
import { acknowledgedIsThere, nothingElseIsThere, orderIsKept, saidBeforeKillIsThere } from './laws-of-facts.ts';
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
/** Their processes mostly wait, so that two machines' worth of them fits on one. */
const AT_ONCE = 2;
const ROUND_LIMIT_MS = 60_000;

const offences = new Map<Law, string[]>();
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
  const told: string[] = [];
  try {
    const evidence = await runRound(schedule);
    figures.add(evidence);
    for (const law of LAWS) {
      const wrong = law(evidence).map((what) => `seed ${seed}: ${what}`);
      offences.set(law, [...(offences.get(law) ?? []), ...wrong]);
      told.push(...wrong);
    }
  } catch (error) {
    broken.push(`seed ${seed}: ${(error as Error).stack}`);
    told.push(broken.at(-1)!);
  }
  if (told.length === 0) return;
  console.error(`${told.join('\n')}\nnpm run faults -- --seed ${seed} --rounds 1 runs it again:\n${JSON.stringify(schedule, null, 2)}`);
}

function expectKept(law: Law): void {
  expect(offences.get(law)).toEqual([]);
}

describe('after any faults', () => {
  test('the rounds have run, and something was acknowledged in them', () => {
    expect(broken).toEqual([]);
    expect(figures.acknowledged).toBeGreaterThan(0);
  });

  test('every acknowledged fact is there', () => expectKept(acknowledgedIsThere));

  test('nothing is there twice, and nothing that was never said', () => expectKept(nothingElseIsThere));

  test('the log keeps the order, and what is there has all that was said before it', () => expectKept(orderIsKept));

  test('what was said 100 ms before a kill -9 is there', () => expectKept(saidBeforeKillIsThere));

  test('an ended task has its true state, status and jobs, and nothing was dropped', () => expectKept(endsAreTrue));

  test('the tasks of a killed worker are lost within 20 s', () => expectKept(killedAreLost));

  test('no task is told lost whose worker lives', () => expectKept(livingAreNotLost));

  test('a worker that was not killed ends by itself, in time and without an error', () => expectKept(workersEnd));

  test('no answer is behind an earlier one', () => expectKept(answersOnlyGrow));

  test('a stream of a task has no gap and no repeat, whichever servers it came from', () => expectKept(streamsAreWhole));

  test('the stream of all tasks tells each change once, and of each task the latest', () => expectKept(listIsWhole));
});
