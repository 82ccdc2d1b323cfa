import type { Evidence } from './evidence.ts';
import { acknowledgedIsStored, nothingElseIsStored, orderIsKept, reportedBeforeKillIsStored } from './laws-of-facts.ts';
import { answersOnlyGrow, endsAreTrue, killedAreLost, livingAreNotLost, workersEnd } from './laws-of-states.ts';
import { listIsWhole, streamsAreWhole } from './laws-of-streams.ts';

/** Gives what in a round breaks the law, a line each; nothing if all is well. */
export type Law = (evidence: Evidence) => string[];

/** The laws that hold after every round, whatever faults it had. */
export const LAWS: readonly Law[] = [
  acknowledgedIsStored,
  nothingElseIsStored,
  orderIsKept,
  reportedBeforeKillIsStored,
  endsAreTrue,
  killedAreLost,
  livingAreNotLost,
  workersEnd,
  answersOnlyGrow,
  streamsAreWhole,
  listIsWhole,
];
