import type { Attributes } from '@opentelemetry/api';
import { basicOutcome } from '../../../src/conventions.ts';
import type { AnnouncementOutcome, Outcome } from '../../../src/conventions.ts';
import type { Fact, Plan, ScopeEnd, ScopeStart, SpanRef, TaskEnd, ErrorInfo } from '../../../src/fact.ts';
import { failureText } from '../../../src/failure.ts';

export const UUID = '54bf5712-b9ec-11e9-afdd-8c16454a0938';

/** A fact before it has its span, number and time. */
type Contents<F extends Fact = Fact> = F extends Fact ? Omit<F, 'span' | 'seq' | 'time'> : never;
type WithoutDuration<F> = F extends unknown ? Omit<F, 'duration'> : never;

/** How a scripted attempt begins, where it differs from the plain one. */
export interface AttemptStart {
  name?: string;
  /** Number of the attempt; the next one if absent. */
  number?: number;
  /** Which run of a queue it is, and whether the queue's instrumentation reports it. */
  run?: string;
  observed?: boolean;
  attributes?: Attributes;
  serviceName?: string;
  namesSpan?: boolean;
  parentTaskUuid?: string;
  parentScope?: { taskSpanId: string; spanId: string };
  sampled?: boolean;
  /** Trace that it goes on; a new one if absent. */
  traceId?: string;
  /** How far its clock is ahead of the first attempt's, in microseconds. */
  skew?: number;
}

/**
 * Makes the facts of a task as `src/` would: each span counts its own from 0, one clock for all of
 * an attempt, an end that carries what its scope knows. `facts` has them in the order in which they were made.
 */
export class ScriptedTask {
  readonly uuid: string;
  readonly facts: Fact[] = [];
  readonly attempts: ScriptedAttempt[] = [];
  readonly announcements: ScriptedAnnouncement[] = [];
  #spans = 0;
  #time = 1_700_000_000_000_000;
  /** Microseconds from one fact to the next. */
  pace = 1;

  constructor(uuid: string = UUID) {
    this.uuid = uuid;
  }

  attempt(start: AttemptStart = {}): ScriptedAttempt {
    const spanId = this.#id(16);
    const ref = { taskUuid: this.uuid, traceId: start.traceId ?? this.#id(32), spanId, taskSpanId: spanId };
    const attempt = new ScriptedAttempt(this, ref, start.number ?? this.attempts.length + 1, start);
    this.attempts.push(attempt);
    return attempt;
  }

  /** Announces the task, by a clock that is behind by so many microseconds. */
  announce(name: string, attributes: Attributes = {}, behind = 0, serviceName?: string): void {
    const span = { taskUuid: this.uuid, traceId: this.#id(32), spanId: this.#id(16), taskSpanId: '' };
    const time = this.tick() - behind;
    this.announcements.push({ span, time, ended: false });
    this.facts.push({ kind: 'task-announced', span, seq: 0, time, name, attributes, ...(serviceName !== undefined && { serviceName }) });
  }

  /** Ends an announcement, so many microseconds after it. */
  endAnnouncement(announcement: ScriptedAnnouncement, outcome: AnnouncementOutcome, error: ErrorInfo | undefined, later: number): void {
    announcement.ended = true;
    this.facts.push({ kind: 'announcement-end', span: announcement.span, seq: 1, time: announcement.time + later, outcome, error });
  }

  /** The facts that several calls make. */
  during(calls: () => void): Fact[] {
    const before = this.facts.length;
    calls();
    return this.facts.slice(before);
  }

  add(span: SpanRef, seq: number, time: number, contents: Contents): void {
    this.facts.push({ ...contents, span, seq, time });
  }

  /** A time never given before. */
  tick(): number {
    this.#time += this.pace;
    return this.#time;
  }

  scopeRef({ taskUuid, traceId, taskSpanId }: SpanRef): SpanRef {
    return { taskUuid, traceId, spanId: this.#id(16), taskSpanId };
  }

  /** Ids in no order, as real ones are. */
  #id(digits: number): string {
    const scattered = BigInt.asUintN(64, BigInt(++this.#spans) * 0x9e37_79b9_7f4a_7c15n);
    return scattered.toString(16).padStart(16, '0').padEnd(digits, 'abcdef0123456789');
  }
}

/** An announcement of a {@link ScriptedTask}. */
interface ScriptedAnnouncement {
  readonly span: SpanRef;
  readonly time: number;
  ended: boolean;
}

/** A scope of a {@link ScriptedTask}. */
export class ScriptedScope {
  readonly task: ScriptedTask;
  readonly ref: SpanRef;
  readonly name: string;
  readonly parent: ScriptedScope | undefined;
  open = true;
  heading = false;
  planned = false;
  /** Whether a scope inside has failed by an error, which this one may pass on. */
  failedInside = false;
  /** Whether it is a part of the task in another process, or inside one. */
  readonly isElsewhere: boolean;
  #start = 0;
  #seq = 0;

  constructor(
    task: ScriptedTask,
    ref: SpanRef,
    name: string,
    parent: ScriptedScope | undefined,
    { remote = false, workerId }: Pick<ScopeStart, 'remote' | 'workerId'> = {},
  ) {
    this.isElsewhere = remote || parent?.isElsewhere === true;
    this.task = task;
    this.ref = ref;
    this.name = name;
    this.parent = parent;
    if (parent === undefined) return;
    if (!this.isElsewhere) this.root.enclose(parent);
    if (!remote) parent.heading = true;
    this.add({ kind: 'scope-start', name, parentSpanId: parent.ref.spanId, ...(remote && { remote }), ...(workerId && { workerId }) });
  }

  get root(): ScriptedAttempt {
    return this.parent!.root;
  }

  get depth(): number {
    return this.parent === undefined ? 0 : this.parent.depth + 1;
  }

  /** Another process goes on in this scope. */
  part(name: string, workerId?: string): ScriptedScope {
    return this.#inside(name, { remote: true, ...(workerId !== undefined && { workerId }) });
  }

  scope(name: string): ScriptedScope {
    return this.#inside(name);
  }

  #inside(name: string, elsewhere?: Pick<ScopeStart, 'remote' | 'workerId'>): ScriptedScope {
    const inner = new ScriptedScope(this.task, this.task.scopeRef(this.ref), name, this, elsewhere);
    this.root.scopes.push(inner);
    return inner;
  }

  notify(message: string, attributes?: Attributes): void {
    this.add({ kind: 'notification', message, ...(attributes !== undefined && { attributes }) });
  }

  progress(done: number, total?: number): void {
    this.add({ kind: 'progress', done, total });
  }

  plan(plan: Plan): void {
    this.planned = true;
    this.add({ kind: 'plan', plan });
  }

  complete(): void {
    this.end('completed', undefined);
  }

  cancel(outcome: 'cancelled' | 'skipped' = 'cancelled'): void {
    this.end(outcome, undefined);
  }

  /** Fails by an error of its own. */
  fail(error: ErrorInfo, outcome: 'failed' | 'timed_out' = 'failed'): void {
    this.add({ kind: 'exception', type: error.name, message: error.message, ...(error.causes !== undefined && { causes: error.causes }) });
    this.root.latestError = failureText(error);
    this.root.latestErrorSpanId = this.ref.spanId;
    for (let outer = this.parent; outer !== undefined; outer = outer.parent) outer.failedInside = true;
    this.end(outcome, error);
  }

  /** Fails by an error that a scope inside has reported. */
  passOn(): void {
    this.end('failed', undefined);
  }

  protected end(outcome: Outcome, error: ErrorInfo | undefined): void {
    this.root.countEnd(this, outcome, error);
    this.sayEnd({ kind: 'scope-end', outcome, heading: this.heading, error });
  }

  protected sayEnd(end: WithoutDuration<Contents<ScopeEnd | TaskEnd>>): void {
    this.open = false;
    const time = this.#time();
    this.task.add(this.ref, this.#seq++, time, { ...end, duration: time - this.#start });
  }

  protected add(contents: Contents): void {
    const time = this.#time();
    if (this.#seq === 0) this.#start = time;
    this.task.add(this.ref, this.#seq++, time, contents);
  }

  #time(): number {
    return this.task.tick() + this.root.skew;
  }
}

/** An attempt of a {@link ScriptedTask}: its task span. */
export class ScriptedAttempt extends ScriptedScope {
  readonly scopes: ScriptedScope[] = [];
  readonly number: number;
  readonly skew: number;
  /** Whether the end names the span that reported the latest error, as a source of this contract does. */
  readonly namesSpan: boolean;
  latestError = '';
  latestErrorSpanId: string | undefined;
  #attributes: Attributes;
  #running = 0;
  #finished = 0;
  #failed = 0;

  constructor(task: ScriptedTask, ref: SpanRef, number: number, start: AttemptStart) {
    const { name = 'TEST', run, observed, attributes = {}, sampled = true, parentTaskUuid, parentScope, skew = 0 } = start;
    super(task, ref, name, undefined);
    this.number = number;
    this.skew = skew;
    this.namesSpan = start.namesSpan ?? true;
    this.#attributes = attributes;
    this.add({
      kind: 'task-start', name, attempt: number, ...(run !== undefined && { run }), ...(observed && { observed }), attributes, workerId: 'worker-1', workerIntervalMs: 0, sampled,
      ...(start.serviceName !== undefined && { serviceName: start.serviceName }),
      ...(parentTaskUuid !== undefined && { parentTaskUuid }), ...(parentScope !== undefined && { parentScope }),
    });
  }

  override get root(): ScriptedAttempt {
    return this;
  }

  result(json: string): void {
    this.add({ kind: 'result', result: json });
  }

  setAttributes(attributes: Attributes): void {
    this.#attributes = { ...this.#attributes, ...attributes };
    this.add({ kind: 'attributes', attributes });
  }

  enclose(parent: ScriptedScope): void {
    if (parent !== this && !parent.heading) this.#running--;
    this.#running++;
  }

  countEnd(scope: ScriptedScope, outcome: Outcome, error: ErrorInfo | undefined): void {
    if (scope.isElsewhere) return;
    if (!scope.heading) this.#running--;
    if (outcome === 'completed' && !scope.heading) this.#finished++;
    if (basicOutcome(outcome) === 'failed' && error !== undefined) this.#failed++;
  }

  protected override end(outcome: Outcome, error: ErrorInfo | undefined): void {
    const [running, finished, failed] = [this.#running, this.#finished, this.#failed];
    this.sayEnd({
      kind: 'task-end', outcome, error, name: this.name, exception: this.latestError, exceptionSpanId: this.namesSpan ? this.latestErrorSpanId : undefined,
      jobs: { total: running + finished + failed, finished, failed },
      ...(Object.keys(this.#attributes).length > 0 && { attributes: this.#attributes }),
    });
  }
}
