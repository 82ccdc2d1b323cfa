import { expect, test } from 'vitest';
import type { Fact } from '../../../src/fact.ts';
import { FactWriter } from '../../../collector/capture/ring-facts.ts';
import { RingWriter } from '../../../collector/capture/ring-writer.ts';
import { hasLiveTasks, hasLiveWork } from '../../../collector/capture/segment.ts';
import { writeTo } from './written-ring.ts';
import { ScriptedTask } from '../record/scripted-task.ts';

/** The start and the end of a scope, each reported by its writer. */
function partFacts(remote: boolean): [start: Fact, end: Fact] {
  const task = new ScriptedTask();
  const attempt = task.attempt();
  const scope = remote ? attempt.part('Part', 'w1') : attempt.scope('Scope');
  scope.complete();
  return task.facts.slice(1) as [Fact, Fact];
}

test.each(['open', 'closed', 'full'])('a part is live work from its start to its end, each written twice, in a ring that is %s', (how) => {
  const ring = new RingWriter(how === 'full' ? { segmentBytes: 1024, limitBytes: 1024 } : {});
  if (how === 'closed') ring.close();
  const [start, end] = partFacts(true);
  const processor = { ring, sink: () => new FactWriter(ring, start.span) };
  if (how === 'full') {
    const filler = new FactWriter(ring, start.span);
    while (ring.droppedFacts === 0) filler.exception(1, 1, 'Error', 'x'.repeat(50));
  }
  const [one, other] = [new FactWriter(ring, start.span), new FactWriter(ring, start.span)];
  for (const part of [one, other]) {
    writeTo(part, start);
    part.startAgain(processor);
    expect([hasLiveWork(ring.control), hasLiveTasks(ring.control)]).toEqual([true, false]);
  }
  writeTo(one, end);
  writeTo(one, end);
  one.startAgain(processor);
  expect(hasLiveWork(ring.control)).toBe(true);
  writeTo(other, end);
  expect(hasLiveWork(ring.control)).toBe(false);
});

test('a scope in its own process is none', () => {
  const ring = new RingWriter();
  const [start, end] = partFacts(false);
  const scope = new FactWriter(ring, start.span);
  writeTo(scope, start);
  expect(hasLiveWork(ring.control)).toBe(false);
  writeTo(scope, end);
  expect(hasLiveWork(ring.control)).toBe(false);
});
