import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sqliteStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import type { Fact } from '../../../src/fact.ts';
import { storePath } from '../store/stored-task.ts';
import { anyDelivery, cases } from './arbitrary-task.ts';
import { folded, logOf, taskAfter, withoutOffset } from './folding.ts';
import { ScriptedTask, UUID } from './scripted-task.ts';
import type { ScriptedAttempt } from './scripted-task.ts';

const DIED = { name: 'Error', message: 'Unexpected exit code: null signal: SIGKILL' };

/** A run in a sandbox, as its three reporters see it: the instrumentation around it, the code in it, the worker if it dies. */
function runInSandbox(task: ScriptedTask, end: (code: ScriptedAttempt) => void, died: boolean, run = '1767323045000'): void {
  const number = Number(run.at(-1)) + 1;
  const observed = task.attempt({ number, run, observed: true });
  const code = task.attempt({ number, run, attributes: { tenant: 'acme' } });
  code.scope('Read').complete();
  end(code);
  if (died) task.attempt({ number, run }).fail(DIED);
  if (died) observed.fail(DIED);
  else observed.complete();
}

function inAnyOrder(facts: readonly Fact[]): void {
  const whole = folded(taskAfter([facts]));
  const isTheSame = fc.property(anyDelivery(facts), (delivery) => {
    expect(folded(taskAfter(delivery))).toEqual(whole);
  });
  fc.assert(isTheSame, cases(100));
}

describe('a run of a job that several spans report', () => {
  it('is one attempt: that of the code, with its end', () => {
    const task = new ScriptedTask();
    runInSandbox(task, (code) => code.complete(), false);
    const { summary, tree } = folded(taskAfter([task.facts]));
    expect(summary).toMatchObject({ state: 'completed', attempt: 1, jobs: { total: 1, finished: 1 }, attributes: { tenant: 'acme' } });
    expect(tree.map(({ scopes }) => scopes.map(({ name }) => name))).toEqual([['Read']]);
    inAnyOrder(task.facts);
  });

  it('has failed by what the worker reports, if its sandbox died', () => {
    const task = new ScriptedTask();
    runInSandbox(task, (code) => code.scope('Write'), true);
    const { summary, tree } = folded(taskAfter([task.facts]));
    expect(summary).toMatchObject({ state: 'failed', finished: true, exception: DIED.message, attempt: 1, attributes: { tenant: 'acme' } });
    const [attempt] = tree;
    expect(attempt).toMatchObject({ outcome: 'failed', error: `Error: ${DIED.message}` });
    expect(tree).toHaveLength(1);
    expect(summary['error']).toMatchObject({ ...DIED, path: [], span_id: attempt!.span_id });
    inAnyOrder(task.facts);
  });

  it('has one end in its log, and its jobs in it', () => {
    const task = new ScriptedTask();
    runInSandbox(task, (code) => code.scope('Write'), true);
    expect(logOf(...task.facts.filter(({ span }) => span !== task.attempts[0]!.ref).map((fact) => [fact]))).toBe(`	 - Read
		Successfully completed
		Time spent: 0h0m
	 - Write
	 - TEST
		Failed
		Time spent: 0h0m
		See error message:
Error: ${DIED.message}
	Task Finished - 1 out of 2 jobs finished
`);
  });

  it('has the end of its code, also where others have reported another one before', () => {
    const task = new ScriptedTask();
    runInSandbox(task, (code) => code.complete(), true);
    expect(folded(taskAfter([task.facts]))).toMatchObject({ summary: { state: 'completed', exception: '' }, tree: [{ outcome: 'completed' }] });
    inAnyOrder(task.facts);
  });

  it('is what the instrumentation reports, while nothing else does', () => {
    const task = new ScriptedTask();
    task.attempt({ run: '1767323045000', observed: true }).fail(DIED);
    expect(folded(taskAfter([task.facts])).summary).toMatchObject({ state: 'failed', exception: DIED.message, attempt: 1 });
  });

  it('is not the next run, even one that began in the same millisecond', () => {
    const task = new ScriptedTask();
    for (const number of [1, 2]) {
      const observed = task.attempt({ number, run: '1767323045000', observed: true });
      const code = task.attempt({ number, run: '1767323045000' });
      if (number === 1) code.fail(DIED);
      else code.complete();
      observed.complete();
    }
    runInSandbox(task, (code) => code.complete(), false, '1767323045002');
    const { summary, tree } = folded(taskAfter([task.facts]));
    expect(tree.map(({ attempt, outcome }) => [attempt, outcome])).toEqual([[1, 'failed'], [2, 'completed'], [3, 'completed']]);
    expect(summary).toMatchObject({ state: 'completed', attempt: 3 });
    inAnyOrder(task.facts);
  });

  it('is one attempt in a file that is opened again between its facts', async () => {
    const task = new ScriptedTask();
    runInSandbox(task, (code) => code.scope('Write'), true);
    const path = storePath();
    // What the instrumentation reports comes last, with its span.
    const observed = task.attempts[0]!.ref;
    const facts = [...task.facts.filter(({ span }) => span !== observed), ...task.facts.filter(({ span }) => span === observed)];
    for (const fact of facts) {
      const store = sqliteStore(path);
      await store.append([fact]);
      await store.close();
    }
    const store = sqliteStore(path);
    const scopes = await store.scopes(UUID);
    const { summary } = (await store.stored(UUID))!;
    const { text } = (await store.log(UUID))!;
    await store.close();
    const { error } = JSON.parse(summary) as { error: { log_offset: number } };
    expect(text.slice(error.log_offset)).toMatch(/^\t - TEST\n\t\tFailed\n/);
    expect(withoutOffset(summary)).toEqual(folded(taskAfter([task.facts])).summary);
    expect(scopes?.attempts).toHaveLength(1);
  });
});
