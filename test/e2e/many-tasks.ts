import { sqliteStore } from '../../collector/index.ts';
import type { Fact } from '../../src/fact.ts';
import { ScriptedTask } from '../collector/record/scripted-task.ts';

/** Makes a store with very many tasks that have ended: each tenth has failed, and they belong to a thousand customers. */
export async function manyTasks(file: string, count: number): Promise<void> {
  const store = sqliteStore(file);
  for (let first = 0; first < count; first += 1000) {
    const facts: Fact[] = [];
    for (let number = first; number < Math.min(count, first + 1000); number++) {
      const task = new ScriptedTask(`01a00000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`);
      const attempt = task.attempt({ name: `Import ${number}`, attributes: { customer: number % 1000 } });
      if (number % 10 === 0) attempt.fail({ name: 'Error', message: `row ${number} is too long` });
      else attempt.complete();
      facts.push(...task.facts);
    }
    await store.append(facts);
  }
  await store.close();
}

/** Stores a running task with so many steps, of which one has failed, and one runs; a hundred of them are in each step around them. */
export async function taskOfSteps(file: string, uuid: string, steps: number): Promise<void> {
  const task = new ScriptedTask(uuid);
  const attempt = task.attempt({ name: 'Migrate accounts' });
  for (let number = 1; number <= steps; ) {
    const batch = attempt.scope(`Batch from ${number}`);
    for (let inside = 0; inside < 100 && number <= steps; inside++, number++) {
      const step = batch.scope(`Account ${number}`);
      step.notify(`account ${number} is moved`);
      if (number === 4321) step.fail({ name: 'RangeError', message: 'account 4321 is too long' });
      else if (number < steps) step.complete();
    }
    if (number <= steps) batch.complete();
  }
  await stored(file, task);
}

/** Stores a completed task with so many steps, none inside another. */
export async function taskOfFlatSteps(file: string, uuid: string, steps: number): Promise<void> {
  const task = new ScriptedTask(uuid);
  const attempt = task.attempt({ name: 'Check the sites' });
  for (let number = 1; number <= steps; number++) attempt.scope(`Site ${number}`).complete();
  attempt.complete();
  await stored(file, task);
}

/** Stores a running task with a log of so many lines. Gives what appends further ones. */
export async function taskOfLines(file: string, uuid: string, lines: number): Promise<{ say(count: number): Promise<void> }> {
  const task = new ScriptedTask(uuid);
  const scope = task.attempt({ name: 'Talkative export' }).scope('Write rows');
  // The first line is the scope's.
  let said = 1;
  const say = async (count: number): Promise<void> => {
    const facts = task.during(() => {
      for (const until = said + count; said < until; ) scope.notify(`row ${++said} of the export was written`);
    });
    await stored(file, { facts: said === count + 1 ? task.facts : facts });
  };
  await say(lines - 1);
  return { say };
}

async function stored(file: string, { facts }: Pick<ScriptedTask, 'facts'>): Promise<void> {
  const store = sqliteStore(file);
  for (let at = 0; at < facts.length; at += 20_000) await store.append(facts.slice(at, at + 20_000));
  await store.close();
}
