import { channel } from 'node:diagnostics_channel';
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { startTaskspan } from '../../collector/index.ts';
import { TaskUpdater } from '../../src/index.ts';
import type { Scope } from '../../src/index.ts';
import type { ReportedFact, WorkerLine } from './worker-lines.ts';
import type { ScopePlan, TaskPlan, WorkerPlan } from './schedule.ts';

/**
 * A worker of a round: `worker.ts STORE INTERVAL_MS PLAN`. It runs the tasks of its plan and
 * prints what it reported and what was acknowledged.
 */
const [store = '', intervalMs = '', tasksPlan = ''] = process.argv.slice(2);
const { tasks } = JSON.parse(tasksPlan) as WorkerPlan;

/** A flush gives up silently after two seconds; a flush that took less has seen all committed. */
const FLUSHED_MS = 1500;

let numbers = 0;
let thread: Worker | undefined;
channel('worker_threads').subscribe((message) => watchThread((message as { worker: Worker }).worker));

const taskspan = await startTaskspan({ store, beatIntervalMs: Number(intervalMs) });
const begin = Promise.withResolvers<void>();
const commands = createInterface(process.stdin).on('line', (command) => obey(command));
write({ is: 'ready' });
await begin.promise;
let over = false;
const acknowledging = acknowledge();
await Promise.all(tasks.map((task) => runTask(task)));
over = true;
await acknowledging;
commands.close();
process.stdin.destroy();
await taskspan.close();

function obey(command: string): void {
  const [name, ms] = command.split(' ');
  if (name === 'go') begin.resolve();
  else if (name === 'block') block(Number(ms));
  else if (name === 'kill-thread' && thread !== undefined) {
    write({ is: 'thread-killed', at: Date.now() });
    void thread.terminate();
  }
}

function watchThread(worker: Worker): void {
  const isRestart = thread !== undefined;
  thread = worker;
  worker.on('message', ({ type }: { type: string }) => {
    if (isRestart && type === 'ready') write({ is: 'thread-back', at: Date.now() });
  });
}

/** Flushes again and again until all that was reported is acknowledged. */
async function acknowledge(): Promise<void> {
  for (let isLast = false; !isLast; await pause(10)) {
    const isAllReported = over;
    const number = ++numbers;
    write({ is: 'flushing', number });
    const from = performance.now();
    await taskspan.flush();
    if (performance.now() - from > FLUSHED_MS) continue;
    write({ is: 'flushed', number });
    isLast = isAllReported;
  }
}

async function runTask({ uuid: task, scopes }: TaskPlan): Promise<void> {
  const started = reporting({ kind: 'task-start', task });
  const updater = new TaskUpdater({ taskName: task, taskUuid: task });
  started();
  for (const [index, scope] of scopes.entries()) await runScope(updater, scope, task, String(index));
  const failed = JSON.stringify(scopes).includes('"fails":true');
  const ended = reporting({ kind: 'task-end', task, state: failed ? 'failed' : 'completed' });
  updater.insertFinalUpdate();
  ended();
}

async function runScope(around: Pick<Scope<true>, 'scope'>, plan: ScopePlan, task: string, scope: string): Promise<void> {
  const { steps, inside, parallel, fails } = plan;
  const started = reporting({ kind: 'scope-start', task, scope });
  let ended = started;
  await around.scope(scope, async (updater) => {
    started();
    for (const [index, { messages, pauseMs }] of steps.entries()) {
      for (let count = 0; count < messages; count++) notify(updater, task, scope, `${scope}/${index}/${count}`);
      const progress = reporting({ kind: 'progress', task, scope, done: index + 1 });
      updater.progress(index + 1, steps.length);
      progress();
      await pause(pauseMs);
    }
    const run = (inner: ScopePlan, index: number): Promise<void> => runScope(updater, inner, task, `${scope}.${index}`);
    if (parallel) await Promise.all(inside.map(run));
    else for (const [index, inner] of inside.entries()) await run(inner, index);
    ended = reporting({ kind: 'scope-end', task, scope, outcome: fails ? 'failed' : 'completed' });
    if (fails) throw new Error(`${scope} fails`);
  });
  ended();
}

function notify(updater: Scope<true>, task: string, scope: string, text: string): void {
  const reported = reporting({ kind: 'message', task, scope, text });
  updater.notify(text);
  reported();
}

/** Prints that a fact is about to be reported; the caller calls the function that it returns when it has been. */
function reporting(fact: ReportedFact): () => void {
  const number = ++numbers;
  write({ is: 'reporting', number, fact });
  return () => write({ is: 'reported', number, at: Date.now() });
}

/** Prints a line directly, not by `process.stdout`: it has left this process when the call returns. */
function write(line: WorkerLine): void {
  let rest: Uint8Array = Buffer.from(`${JSON.stringify(line)}\n`);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      // The suite reads too slowly.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      block(1);
    }
  }
}

function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
