import type { Fact } from '../../../src/fact.ts';
import { ScriptedTask } from '../record/scripted-task.ts';
import { seedExample } from '../record/seed-example.ts';
import { uuidOf } from './expected-task.ts';

/** A task in a file of an earlier version: what was stored of it then, and what comes later. */
export interface EarlierTask {
  readonly uuid: string;
  readonly before: readonly (readonly Fact[])[];
  readonly after: readonly Fact[];
}

/** Names that are not kept as they are everywhere. */
const NAMES = ['', '"', '"quoted"', 'a\0b', 'tab\tand \u2028', 'é 漢 🙂', '[1]', 'back\\slash'];

/** Tasks with whatever a stored scope can have. `schema-10.sql` holds what came before, as schema 10 has it. */
export function earlierTasks(): EarlierTask[] {
  return [ended(), running(), tried(), queued(), ...parentAndChild()];
}

function ended(): EarlierTask {
  const { uuid, facts } = seedExample(uuidOf(1));
  return { uuid, before: [facts], after: [] };
}

/** More scopes than one group has, of all kinds, some open. */
function running(): EarlierTask {
  const task = new ScriptedTask(uuidOf(2));
  const attempt = task.attempt({ attributes: { queue: 'imports', tries: 3 } });
  attempt.plan({ Part: 2, Other: 1 });
  const outer = attempt.scope('Part');
  outer.progress(1, 3);
  const scopes = Array.from({ length: 40 }, (_, at) => outer.scope(NAMES[at % NAMES.length]!));
  scopes.forEach((scope, at) => {
    scope.notify(`line of ${at}`);
    if (at % 3 === 0) scope.progress(at, 41);
    if (at % 4 === 0) scope.fail({ name: 'Error', message: `no ${at}` });
    else if (at % 5 !== 0) scope.complete();
  });
  const before = [task.facts.slice(0, 60), task.facts.slice(60)];
  const after = task.during(() => {
    for (const scope of scopes) scope.notify('later');
    scopes[5]!.complete();
    scopes[35]!.fail({ name: 'Error', message: 'late' });
    attempt.scope('Other').complete();
    outer.complete();
    attempt.complete();
  });
  return { uuid: task.uuid, before, after };
}

function tried(): EarlierTask {
  const task = new ScriptedTask(uuidOf(3));
  const first = task.attempt();
  first.scope('Part').fail({ name: 'Error', message: 'the first time' });
  first.passOn();
  const second = task.attempt();
  const part = second.scope('Part');
  second.result('{"rows":7}');
  const before = [task.facts.slice()];
  const after = task.during(() => {
    part.complete();
    second.complete();
  });
  return { uuid: task.uuid, before, after };
}

function queued(): EarlierTask {
  const task = new ScriptedTask(uuidOf(4));
  task.announce('Waiting', { queue: 'imports' });
  const before = [task.facts.slice()];
  return { uuid: task.uuid, before, after: task.during(() => task.attempt().complete()) };
}

function parentAndChild(): EarlierTask[] {
  const parent = new ScriptedTask(uuidOf(5));
  const child = new ScriptedTask(uuidOf(6));
  const attempt = parent.attempt();
  attempt.plan(1);
  const { taskSpanId, spanId, traceId } = attempt.part('Child').ref;
  const own = child.attempt({ traceId, parentTaskUuid: parent.uuid, parentScope: { taskSpanId, spanId } });
  own.progress(1, 3);
  const before = [child.facts.slice()];
  return [
    { uuid: parent.uuid, before: [parent.facts.slice()], after: [] },
    { uuid: child.uuid, before, after: child.during(() => own.progress(2, 3)) },
  ];
}
