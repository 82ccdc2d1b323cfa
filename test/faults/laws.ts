import type { Evidence } from './evidence.ts';
import { acknowledgedIsThere, nothingElseIsThere, orderIsKept, saidBeforeKillIsThere } from './laws-of-facts.ts';
import { answersOnlyGrow, endsAreTrue, killedAreLost, livingAreNotLost, workersEnd } from './laws-of-states.ts';
import { listIsWhole, streamsAreWhole } from './laws-of-streams.ts';

/** Says what in a round is against it, a line each; nothing if all is well. */
export type Law = (evidence: Evidence) => string[];

/** What has to hold after every round, whatever befell it. */
export const LAWS: readonly Law[] = [
  acknowledgedIsThere,
  nothingElseIsThere,
  orderIsKept,
  saidBeforeKillIsThere,
  endsAreTrue,
  killedAreLost,
  livingAreNotLost,
  workersEnd,
  answersOnlyGrow,
  streamsAreWhole,
  listIsWhole,
];
