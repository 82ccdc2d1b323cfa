import { describe, expect, test } from 'vitest';
import type { Evidence } from './evidence.ts';
import { LAWS } from './laws.ts';
import { acknowledgedIsStored, nothingElseIsStored, orderIsKept, reportedBeforeKillIsStored } from './laws-of-facts.ts';
import { answersOnlyGrow, endsAreTrue, killedAreLost, livingAreNotLost, workersEnd } from './laws-of-states.ts';
import { listIsWhole, streamsAreWhole } from './laws-of-streams.ts';
import { KILLED_AT, killedRound, TASK, completedRound } from './sample-rounds.ts';
import type { Changeable } from './sample-rounds.ts';

/** Changes a valid round so that it breaks a law. */
type Violation = (round: Changeable<Evidence>) => void;

const log = (change: (text: string) => string): Violation => (round) => {
  const { record: stored } = round.stored.get(TASK)!;
  stored.log = change(stored.log);
};
const record = (fields: object): Violation => (round) => void Object.assign(round.stored.get(TASK)!.record, fields);
const without = (line: string): Violation => log((text) => text.replace(line, ''));
/** Adds an answer at a time. */
const answered = (at: number, fields: object): Violation => (round) => {
  const latest = round.answers.at(-1)!;
  round.answers.push({ ...latest, sentAt: at, receivedAt: at + 1, record: { ...latest.record!, ...fields } });
};

describe('a valid round', () => {
  test.each(LAWS.map((law) => [law.name, law] as const))('keeps the law %s', (_, law) => {
    expect(law(completedRound())).toEqual([]);
    expect(law(killedRound())).toEqual([]);
  });
});

describe('the laws of facts find', () => {
  test.each<[what: string, law: (evidence: Evidence) => string[], change: Violation, found: string]>([
    ['an acknowledged message that is missing', acknowledgedIsStored, without('\t0/0/1\n'), `acknowledged and not stored: message 0/0/1 of ${TASK}`],
    [
      'an acknowledged end of a scope that is missing', acknowledgedIsStored,
      ({ stored }) => void (stored.get(TASK)!.attempts[0]!.scopes[1]!.outcome = 'running'), `acknowledged and not stored: scope-end 1 of ${TASK}`,
    ],
    [
      'acknowledged progress that is missing', acknowledgedIsStored,
      ({ stored }) => void (stored.get(TASK)!.attempts[0]!.scopes[1]!.done = 0), `acknowledged and not stored: progress 1 1 of ${TASK}`,
    ],
    ['an acknowledged task that is missing', acknowledgedIsStored, ({ stored }) => void stored.delete(TASK), `acknowledged and not stored: task-start  of ${TASK}`],
    ['a message that is stored twice', nothingElseIsStored, log((text) => text.replace('\t0/0/0\n', '\t0/0/0\n\t0/0/0\n')), 'stored twice: line 0/0/0'],
    ['a scope that is stored twice', nothingElseIsStored, ({ stored }) => {
      const [attempt] = stored.get(TASK)!.attempts;
      attempt!.scopes.push(structuredClone(attempt!.scopes[0]!));
    }, 'stored twice: scope 0'],
    ['a second attempt', nothingElseIsStored, ({ stored }) => void stored.get(TASK)!.attempts.push(stored.get(TASK)!.attempts[0]!), 'expected one attempt, got 2'],
    ['a message that was never reported', nothingElseIsStored, log((text) => text.replace('\t0/0/0\n', '\t0/0/0\n\t0/7/7\n')), 'never reported: line 0/7/7'],
    [
      'progress that was never reported', nothingElseIsStored,
      ({ stored }) => void (stored.get(TASK)!.attempts[0]!.scopes[0]!.done = 2), 'never reported: progress 2 of scope 0',
    ],
    [
      'a tree that counts otherwise than the log', nothingElseIsStored,
      ({ stored }) => void (stored.get(TASK)!.attempts[0]!.scopes[0]!.notification_count = 3), 'scope 0 counts 3 messages, the log has 2',
    ],
    ['messages in another order', orderIsKept, log((text) => text.replace('\t0/0/0\n\t0/0/1\n', '\t0/0/1\n\t0/0/0\n')), `0/0/1 stands before 0/0/0 in ${TASK}`],
    ['a hole', orderIsKept, without('\t0/0/0\n'), `message 0/0/0 of ${TASK} is not stored, but what came after it is`],
  ])('%s', (_, law, change, found) => {
    const round = completedRound();
    change(round);
    expect(law(round)).toContain(found);
  });
});

describe('what was reported before a kill', () => {
  const unkept = (at: number, more: Violation = () => undefined): string[] => {
    const round = killedRound();
    round.workers[0]!.lines.push(
      { is: 'reporting', number: 50, fact: { kind: 'message', task: TASK, scope: '1', text: '1/0/0' } },
      { is: 'reported', number: 50, at },
    );
    more(round);
    return reportedBeforeKillIsStored(round);
  };

  test('is stored if it was reported 100 ms before', () => {
    expect(unkept(KILLED_AT - 100)).toEqual([`reported 100 ms before the kill and not stored: message 1/0/0 of ${TASK}`]);
    expect(unkept(KILLED_AT - 99)).toEqual([]);
  });

  test('may be missing where a fault delayed it', () => {
    const faults: Violation[] = [
      ({ storeFaults }) => void storeFaults.push({ from: 500, to: 600 }),
      ({ workers }) => void workers[0]!.stops.push({ from: 500, to: 600 }),
      ({ workers }) => void workers[0]!.lines.push({ is: 'thread-killed', at: 500 }),
    ];
    for (const fault of faults) expect(unkept(0, fault)).toEqual([]);
    expect(unkept(0, ({ storeFaults }) => void storeFaults.push({ from: KILLED_AT + 1, to: 2000 }))).toHaveLength(1);
  });
});

describe('the laws of states find', () => {
  test.each<[what: string, law: (evidence: Evidence) => string[], change: Violation, found: string | RegExp]>([
    ['another outcome', endsAreTrue, record({ state: 'failed', status: 0 }), `${TASK} has state "failed", expected "completed"`],
    ['a task that never ended', endsAreTrue, record({ finished: false, end: null }), `${TASK} has no end`],
    ['a job that was not counted', endsAreTrue, record({ jobs: { total: 1, finished: 1, failed: 0, running: 0 } }), /has jobs \{"total":1/],
    ['facts that were dropped', endsAreTrue, record({ facts_missing: 2 }), `${TASK} has facts_missing 2, expected 0`],
    ['a living worker\'s task that is not stored', endsAreTrue, ({ stored }) => void stored.delete(TASK), `${TASK} is not stored`],
    ['a living worker\'s task that is lost', livingAreNotLost, answered(200, { state: 'lost' }), `an answer shows ${TASK} as lost at 201: its worker lived`],
    [
      'the same in a stream', livingAreNotLost,
      ({ streams }) => void streams[0]!.events.push({ event: 'change', id: '9', data: '{"state":"lost","version":9}', receivedAt: 300, connection: 1 }),
      `a stream shows ${TASK} as lost at 300: its worker lived`,
    ],
    ['a worker that ended badly', workersEnd, ({ workers }) => void Object.assign(workers[0]!, { code: 1, stderr: 'why' }), 'worker 0 ended with code 1: why'],
    ['what was waited for in vain', workersEnd, ({ unsettled }) => void unsettled.push('something'), 'something'],
    ['a version that goes back', answersOnlyGrow, answered(200, { version: 8 }), `${TASK} went from version 9 to 8`],
    ['a version that is not stored', answersOnlyGrow, answered(200, { version: 10 }), `${TASK} was shown in version 10, which is not stored`],
    ['a log that was rewritten', answersOnlyGrow, answered(200, { log: '\t - 1\n' }), `${TASK} had another log at version 9`],
    ['an end that was taken back', answersOnlyGrow, answered(200, { state: 'running' }), `${TASK} was completed, then running`],
    ['a task that has gone', answersOnlyGrow, ({ answers }) => void answers.push({ ...answers[1]!, status: 404, record: undefined }), `${TASK} was answered by 404`],
    ['a failure while the store was reachable', answersOnlyGrow, ({ answers }) => void answers.unshift({ ...answers[0]!, status: 503, record: undefined }), `${TASK} was answered by 503`],
  ])('%s', (_, law, change, found) => {
    const round = completedRound();
    change(round);
    const wrong = law(round);
    expect(wrong.join('\n')).toMatch(found);
  });

  test.each<[what: string, change: Violation, found: string]>([
    ['a killed worker\'s task that still runs', record({ state: 'running' }), `${TASK} of a killed worker is running, status 2, finished false, end null`],
    ['a lost task that is finished', record({ finished: true }), `${TASK} of a killed worker is lost, status 2, finished true, end null`],
    ['a task that was shown as lost too late', ({ workers }) => void workers[0]!.lostAfterMs.push(20_001), 'lost 20001 ms after the kill'],
  ])('%s', (_, change, found) => {
    const round = killedRound();
    change(round);
    expect(killedAreLost(round)).toEqual([found]);
  });
});

describe('a task may be shown as lost', () => {
  const wrongAfter = (change: Violation): string[] => {
    const round = completedRound();
    round.answers.length = 0;
    change(round);
    return livingAreNotLost(round);
  };
  const at = (time: number, fields: object): Violation => (round) => {
    const answer = { ...completedRound().answers[0]!, sentAt: time, receivedAt: time + 1 };
    round.answers.push({ ...answer, record: { ...answer.record!, ...fields } });
  };
  const stopped: Violation = ({ workers }) => void workers[0]!.stops.push({ from: 1000, to: 3000 });
  const both = (...changes: Violation[]): Violation => (round) => changes.forEach((change) => change(round));
  const heardAt = (ms: number): object => ({ state: 'running', heard: new Date(ms).toISOString() });

  test('if its worker is stopped, and a moment longer', () => {
    expect(wrongAfter(both(stopped, at(2500, { state: 'lost' }), at(3010, { state: 'lost' })))).toEqual([]);
  });

  test('not before its worker is stopped, nor after it was heard again', () => {
    expect(wrongAfter(both(stopped, at(900, { state: 'lost' })))).toHaveLength(1);
    expect(wrongAfter(both(stopped, at(3100, heardAt(3050)), at(3200, { state: 'lost' })))).toHaveLength(1);
    expect(wrongAfter(both(stopped, at(3100, heardAt(950)), at(3200, { state: 'lost' })))).toEqual([]);
  });

  test('not if its worker is stopped for less than an interval', () => {
    expect(wrongAfter(both(({ workers }) => void workers[0]!.stops.push({ from: 1000, to: 1400 }), at(1500, { state: 'lost' })))).toHaveLength(1);
  });

  test('if its worker had no collector thread for longer than an interval', () => {
    const thread = (back: number): Violation => ({ workers }) =>
      void workers[0]!.lines.push({ is: 'thread-killed', at: 1000 }, { is: 'thread-back', at: back });
    expect(wrongAfter(both(thread(2000), at(1900, { state: 'lost' })))).toEqual([]);
    expect(wrongAfter(both(thread(1300), at(1900, { state: 'lost' })))).toHaveLength(1);
  });
});

describe('the laws of streams find', () => {
  const events = (round: Changeable<Evidence>): Changeable<Evidence>['streams'][0]['events'] => round.streams[0]!.events;

  test.each<[what: string, law: (evidence: Evidence) => string[], change: Violation, found: string]>([
    ['text that came twice', streamsAreWhole, (round) => void events(round).splice(1, 0, { ...events(round)[1]! }), 'expected text from byte'],
    ['text that is missing', streamsAreWhole, (round) => {
      const change = events(round)[1]!;
      change.data = change.data.replace('"offset":12', '"offset":18');
    }, 'expected text from byte 12, got it from 18'],
    ['a version that goes back', streamsAreWhole, (round) => {
      events(round).splice(1, 0, { event: 'change', id: '2', data: '{"version":2}', receivedAt: 0, connection: 1 });
    }, 'went from version 3 to 2'],
    ['a second beginning', streamsAreWhole, (round) => void events(round).splice(1, 0, { ...events(round)[0]! }), 'began a second time'],
    ['an end that is missing', streamsAreWhole, (round) => void events(round).pop(), 'did not end'],
    ['a field that was never sent', streamsAreWhole, (round) => {
      const change = events(round)[1]!;
      change.data = change.data.replace('"exception":""', '"exception":"other"');
    }, 'stored is'],
    ['a change of the list that is not new', listIsWhole, ({ list }) => void list.push({ ...list[1]! }), `the list has ${TASK} in version 9, completed, after 9, completed`],
    ['a change of the list that goes back', listIsWhole, ({ list }) => void list.push({ ...list[0]!, connection: 2 }), `the list has ${TASK} in version 3, running, after 9, completed`],
    ['a list that misses the latest', listIsWhole, ({ list }) => void list.pop(), `the list came to version 3 of ${TASK}, stored is 9`],
  ])('%s', (_, law, change, found) => {
    const round = completedRound();
    change(round);
    expect(law(round).join('\n')).toContain(found);
  });

  test('a change of the list that comes again by a new connection keeps the law', () => {
    const round = completedRound();
    round.list.push({ ...round.list[1]!, connection: 2 });
    expect(listIsWhole(round)).toEqual([]);
  });
});
