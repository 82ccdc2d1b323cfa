import { randomBytes, randomUUID } from 'node:crypto';
import type { Fact } from '../collector/index.ts';
import { textAt } from './texts.ts';

/** A task whose page is measured. */
interface PageTask {
  readonly name: string;
  readonly taskUuid: string;
  readonly facts: readonly Fact[];
}

/** Tasks of different shapes. */
export function pageTasks(quick: boolean): PageTask[] {
  return [
    pageTask('a small task', (task) => task.steps(4, 3)),
    pageTask('a failed task', (task) => {
      task.steps(6, 3);
      task.fail();
    }),
    pageTask(`a task of ${quick ? '2,000' : '10,000'} scopes`, (task) => task.nested(quick ? 20 : 100, 99)),
    pageTask(`a log of ${quick ? '20,000' : '200,000'} lines`, (task) => task.steps(1, quick ? 20_000 : 200_000)),
  ];
}

function pageTask(name: string, script: (task: ScriptedTask) => void): PageTask {
  const task = new ScriptedTask();
  script(task);
  return { name, taskUuid: task.taskUuid, facts: task.facts };
}

/** Makes the facts of a task as `src` would. */
class ScriptedTask {
  readonly taskUuid: string = randomUUID();
  readonly facts: Fact[] = [];
  readonly #task: Fact['span'];
  #time = Date.now() * 1000;

  constructor() {
    const spanId = id();
    this.#task = { taskUuid: this.taskUuid, traceId: randomBytes(16).toString('hex'), spanId, taskSpanId: spanId };
    this.#add(this.#task, 0, {
      kind: 'task-start', name: 'Import customers', attempt: 1, attributes: { customer: 'Ada' }, workerId: randomUUID(), workerIntervalMs: 0, sampled: true,
    });
  }

  /** So many steps one after the other, each with so many lines. */
  steps(count: number, lines: number, around: Fact['span'] = this.#task): void {
    for (let step = 0; step < count; step++) this.#end(this.#begin(`Step ${step}`, around, lines), 1 + lines);
  }

  /** So many steps with so many inside each; the last one is open. */
  nested(count: number, inEach: number): void {
    for (let step = 0; step < count; step++) {
      const span = this.#begin(`Customers ${step}`, this.#task, 0);
      this.steps(inEach, 1, span);
      if (step < count - 1) this.#end(span, 1, true);
    }
  }

  fail(): void {
    const error = { name: 'TypeError', message: 'no such customer', causes: [{ name: 'Error', message: 'connection refused' }] };
    const span = this.#begin('Write rows', this.#task, 2);
    this.#add(span, 3, { kind: 'exception', type: error.name, message: error.message, causes: error.causes });
    this.#add(span, 4, { kind: 'scope-end', outcome: 'failed', duration: 1000, heading: false, error });
    this.#add(this.#task, 1, {
      kind: 'task-end', outcome: 'failed', duration: 10_000, name: 'Import customers', exception: `${error.name}: ${error.message}`,
      exceptionSpanId: span.spanId, error, jobs: { total: 7, finished: 6, failed: 1 },
    });
  }

  #begin(name: string, around: Fact['span'], lines: number): Fact['span'] {
    const span = { ...this.#task, spanId: id() };
    this.#add(span, 0, { kind: 'scope-start', name, parentSpanId: around.spanId });
    for (let line = 1; line <= lines; line++) this.#add(span, line, { kind: 'notification', message: textAt(line) });
    return span;
  }

  #end(span: Fact['span'], seq: number, heading = false): void {
    this.#add(span, seq, { kind: 'scope-end', outcome: 'completed', duration: 1000, heading });
  }

  #add(span: Fact['span'], seq: number, contents: Contents): void {
    this.facts.push({ ...contents, span, seq, time: (this.#time += 100) });
  }
}

/** A fact before it has its span, number and time. */
type Contents<F extends Fact = Fact> = F extends Fact ? Omit<F, 'span' | 'seq' | 'time'> : never;

function id(): string {
  return randomBytes(8).toString('hex');
}
