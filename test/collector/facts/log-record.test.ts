import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { factOf, logRecordOf } from '../../../collector/facts/log-record.ts';
import type { Fact } from '../../../src/fact.ts';
import { anyFact } from '../capture/arbitrary-fact.ts';

it('any fact can be read from its log record', () => {
  fc.assert(
    fc.property(anyFact.map(asSaid), (fact) => {
      expect(factOf(logRecordOf(fact))).toEqual(fact);
    }),
  );
});

/** Facts as our sources make them: starts have number 0, all other facts a greater number, and an attempt counts from 1. */
function asSaid(fact: Fact): Fact {
  switch (fact.kind) {
    case 'task-announced':
      return fact;
    case 'scope-start':
      return { ...fact, seq: 0 };
    case 'task-start':
      return { ...fact, seq: 0, attempt: fact.attempt + 1, ...(fact.cancellable === false && { cancellable: undefined }) } as Fact;
    case 'notification': {
      const { attributes = {} } = fact;
      return { ...fact, seq: fact.seq + 1, attributes: Object.keys(attributes).length === 0 ? undefined : attributes };
    }
    default:
      return { ...fact, seq: fact.seq + 1 };
  }
}
