import { trace } from '@opentelemetry/api';
import type { Attributes } from '@opentelemetry/api';
import * as fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { createReceiver, memoryStore } from '../../../collector/index.ts';
import type { NotificationRecord, ScopeRecord, TaskStore } from '../../../collector/index.ts';
import { capture } from '../../../src/capture.ts';
import type { SpanSink } from '../../../src/capture.ts';
import type { Fact, SpanRef } from '../../../src/fact.ts';
import { announceTask, continueTask, TaskUpdater } from '../../../src/index.ts';
import { cutText } from '../../../src/text.ts';
import { recorded } from '../../src/support/recorded.ts';
import { cases } from '../record/arbitrary-task.ts';
import { withoutOffset } from '../record/folding.ts';
import { wholeOf } from '../store/expected-task.ts';
import { factsBody, traceBody } from './receive/otlp-bodies.ts';

/** One thing that task code does. */
type Step =
  | { do: 'notify'; text: string; attributes: Attributes | undefined }
  | { do: 'progress'; done: number; total: number | undefined }
  | { do: 'plan' | 'result' | 'fail' }
  | { do: 'setAttribute' | 'setOnSpan'; key: string; value: Attributes[string] }
  | { do: 'setMany'; count: number }
  | { do: 'rename'; text: string }
  | { do: 'scope' | 'part'; name: string; inside: Step[] };

const key = fc.constantFrom('a', 'b', 'c', 'rows', 'error.type', 'z');
const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const number = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(2 ** 60, -(2 ** 63), 1e300, NaN));
/** Texts of about the length at which they are cut, some with a mark of an earlier cut at their end. */
const longText = fc.tuple(fc.integer({ min: 16_350, max: 16_500 }), fc.constantFrom('', cutText('ab', 1), cutText('ab', 1).slice(1))).map(([length, end]) => 'x'.repeat(length) + end);
const list = fc.oneof(fc.array(text, { maxLength: 3 }), fc.array(fc.option(number), { maxLength: 3 }), fc.array(longText, { maxLength: 1 }), fc.constant<Attributes[string]>([2 ** 60, 1]));
const value: fc.Arbitrary<Attributes[string]> = fc.oneof(text, number, fc.boolean(), list, longText);
const attributes = fc.dictionary(fc.constantFrom('a', 'b', 'rows', 'error.type'), value, { noNullPrototype: true });

const { steps } = fc.letrec<{ steps: Step[]; step: Step }>((tie) => ({
  step: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.record({ do: fc.constant('notify' as const), text, attributes: fc.option(attributes, { nil: undefined }) }),
    fc.record({ do: fc.constant('progress' as const), done: fc.nat(10), total: fc.option(fc.nat(10), { nil: undefined }) }),
    fc.record({ do: fc.constantFrom('plan' as const, 'result' as const, 'fail' as const) }),
    fc.record({ do: fc.constantFrom('setAttribute' as const, 'setOnSpan' as const), key, value }),
    fc.record({ do: fc.constant('setMany' as const), count: fc.integer({ min: 55, max: 80 }) }),
    fc.record({ do: fc.constant('rename' as const), text }),
    fc.record({ do: fc.constantFrom('scope' as const, 'part' as const), name: fc.constantFrom('One', 'Two'), inside: tie('steps') }),
  ),
  steps: fc.array(tie('step'), { maxLength: 6 }),
}));

function run(updater: TaskUpdater, todo: readonly Step[]): void {
  for (const step of todo) {
    if (step.do === 'notify') updater.notify(step.text, step.attributes);
    else if (step.do === 'progress') updater.progress(step.done, step.total);
    else if (step.do === 'plan') updater.plan(['One', 'Two']);
    else if (step.do === 'result') updater.setResult({ found: todo.length });
    else if (step.do === 'setAttribute') updater.setAttribute(step.key, step.value!);
    else if (step.do === 'setOnSpan') trace.getActiveSpan()!.setAttribute(step.key, step.value!);
    else if (step.do === 'setMany') trace.getActiveSpan()!.setAttributes(Object.fromEntries(Array.from({ length: step.count }, (_, at) => [`n${at}`, at])));
    else if (step.do === 'rename') trace.getActiveSpan()!.updateName(step.text);
    else if (step.do === 'scope') updater.scope(step.name, () => run(updater, step.inside));
    else if (step.do === 'part') continueTask(updater.carrier()).scope(step.name, (part) => part.notify('elsewhere'), { suppressException: true });
    else updater.scope('Fails', () => { throw new RangeError('no rows', { cause: new Error('no file') }); });
  }
}

/** Takes all tasks of the process, and keeps their facts. */
function keptFacts(): Fact[] {
  const facts: Fact[] = [];
  const processor = { sink: (span: SpanRef): SpanSink => keeping(span, facts) };
  capture.always.add(processor);
  onTestFinished(() => void capture.always.delete(processor));
  return facts;
}

function keeping(span: SpanRef, facts: Fact[]): SpanSink {
  const keep = (fact: Fact): void => void facts.push(fact);
  return {
    announced: keep,
    start: keep,
    end: keep,
    notification: (seq, time, message, given) => keep({ kind: 'notification', span, seq, time, message, ...(given && { attributes: given }) }),
    progress: (seq, time, done, total) => keep({ kind: 'progress', span, seq, time, done, ...(total !== undefined && { total }) }),
    plan: (seq, time, plan) => keep({ kind: 'plan', span, seq, time, plan }),
    exception: (seq, time, type, message, causes) => keep({ kind: 'exception', span, seq, time, type, message, ...(causes && { causes }) }),
    result: (seq, time, result) => keep({ kind: 'result', span, seq, time, result }),
    attributes: (seq, time, given) => keep({ kind: 'attributes', span, seq, time, attributes: given }),
    startAgain: () => undefined,
  };
}

/** What does not depend on the order of arrival: the record, and the tree. Notifications stand as they came, as in the log. */
async function recordIn(store: TaskStore, uuid: string): Promise<{ summary: string; tree: ScopeRecord[] }> {
  const { summary, tree } = await wholeOf(store, uuid);
  // As JSON, which has no -0.
  return { summary: JSON.stringify(withoutOffset(JSON.stringify(summary))), tree: JSON.parse(JSON.stringify(tree.map(byTime))) as ScopeRecord[] };
}

function byTime(scope: ScopeRecord): ScopeRecord {
  const order = ({ time, message }: NotificationRecord): string => time + message;
  const notifications = scope.notifications.toSorted((one, other) => (order(one) < order(other) ? -1 : 1));
  return { ...scope, notifications, scopes: scope.scopes.map(byTime) };
}

test('one task has one record, reported in process, as spans, as live facts, or by any mixture in any order', async () => {
  const { spans } = recorded();
  const facts = keptFacts();
  const anyTask = fc.record({ todo: steps, given: attributes, announced: fc.option(attributes, { nil: undefined }), fails: fc.boolean(), seed: fc.nat() });
  const [inProcess, ...received] = [memoryStore(), memoryStore(), memoryStore(), memoryStore()];
  const [bySpans, byFacts, byAny] = received.map((store) => ({ store, app: createReceiver({ store }) })) as [Way, Way, Way];
  await fc.assert(
    fc.asyncProperty(anyTask, fc.infiniteStream(fc.nat(1000)), async ({ todo, given, announced, fails }, numbers) => {
      const next = (): number => numbers.next().value as number;
      facts.length = 0;
      const before = (await spans()).length;
      const updater = new TaskUpdater({ taskName: 'Any', attributes: given });
      const uuid = updater.taskUuid;
      if (announced !== undefined) await announceTask({ taskName: 'Announced', taskUuid: uuid, attributes: announced });
      // The active span of a task is inside its own functions.
      updater.run(() => run(updater, todo));
      if (fails) updater.fail(new RangeError('no rows'));
      else updater.insertFinalUpdate();
      const ended = (await spans()).slice(before);

      await inProcess.append(facts);
      const expected = await recordIn(inProcess, uuid);

      await bySpans.app.request('/v1/traces', posted(traceBody('protobuf', ended)));
      await byFacts.app.request('/v1/logs', posted(factsBody('protobuf', facts)));
      // Each span by one way or by both, piece by piece in any order.
      const pieces: (() => Promise<unknown>)[] = [];
      for (const span of ended) {
        const { spanId } = span.spanContext();
        const ways = next() % 3;
        if (ways !== 0) pieces.push(async () => byAny.app.request('/v1/traces', posted(traceBody('protobuf', [span]))));
        if (ways === 1) continue;
        for (const fact of facts.filter((each) => each.span.spanId === spanId)) {
          if (next() % 2 === 0) pieces.push(async () => byAny.app.request('/v1/logs', posted(factsBody('protobuf', [fact]))));
          else pieces.push(async () => byAny.store.append([fact]));
        }
      }
      while (pieces.length > 0) await pieces.splice(next() % pieces.length, 1)[0]!();

      for (const { store } of [bySpans, byFacts, byAny]) expect(await recordIn(store, uuid)).toEqual(expected);
    }),
    cases(150),
  );
});

interface Way {
  store: ReturnType<typeof memoryStore>;
  app: ReturnType<typeof createReceiver>;
}

function posted(body: Uint8Array<ArrayBuffer>): RequestInit {
  return { method: 'POST', body, headers: { 'Content-Type': 'application/x-protobuf' } };
}
