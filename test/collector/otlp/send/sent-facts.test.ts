import type { Hono } from 'hono';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createReceiver, memoryStore } from '../../../../collector/index.ts';
import type { TaskStore } from '../../../../collector/index.ts';
import type { Fact } from '../../../../src/fact.ts';
import { anyDelivery, arbitraryTask, cases } from '../../record/arbitrary-task.ts';
import { SEED_LOG, seedExample } from '../../record/seed-example.ts';
import { wholeOf } from '../../store/expected-task.ts';
import { ENCODINGS, factsBody, MEDIA_TYPES, spansOf, factsOfSpans, traceBody } from '../receive/otlp-bodies.ts';
import type { Encoding } from '../receive/otlp-bodies.ts';

function receiving(): { store: TaskStore; app: Hono } {
  const store = memoryStore();
  return { store, app: createReceiver({ store }) };
}

async function post(app: Hono, signal: 'traces' | 'logs', encoding: Encoding, body: Uint8Array<ArrayBuffer>): Promise<void> {
  const response = await app.request(`/v1/${signal}`, { method: 'POST', body, headers: { 'Content-Type': MEDIA_TYPES[encoding] } });
  expect([response.status, Buffer.from(await response.arrayBuffer()).toString()]).toEqual([200, encoding === 'json' ? '{}' : '']);
}

/** As the wire has it: no attributes are none, and the service's name is the resource's. */
function sent(fact: Fact): Fact {
  if (fact.kind === 'task-start' || fact.kind === 'task-announced') {
    const { serviceName: _, ...start } = fact;
    return start;
  }
  const isBare = fact.kind === 'notification' && Object.keys(fact.attributes ?? {}).length === 0;
  return isBare ? { ...fact, attributes: undefined } : fact;
}

async function storeWith(facts: readonly Fact[]): Promise<TaskStore> {
  const store = memoryStore();
  await store.append(facts.map(sent));
  return store;
}

describe.each(ENCODINGS)('in %s', (encoding) => {
  it('the spans of the seed example, in one delivery, give its record and log', async () => {
    const { uuid, facts } = seedExample();
    const { store, app } = receiving();
    await post(app, 'traces', encoding, traceBody(encoding, spansOf(facts)));
    expect((await store.log(uuid))!.text).toBe(SEED_LOG);
    expect(await store.stored(uuid)).toEqual(await (await storeWith(facts)).stored(uuid));
  });

  it('the spans of any task, in one delivery, give the record, log and tree that it has in process', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryTask(), async ({ uuid, facts }) => {
        const received = factsOfSpans(facts);
        // The clocks of two attempts may give the same time: then the order of their spans is open.
        fc.pre(received.length > 0 && new Set(received.map(({ time }) => time)).size === received.length);
        // A span ends once.
        const ends = received.filter(({ kind }) => kind === 'announcement-end');
        fc.pre(new Set(ends.map(({ span }) => span.spanId)).size === ends.length);
        const { store, app } = receiving();
        await post(app, 'traces', encoding, traceBody(encoding, spansOf(facts)));
        expect(await wholeOf(store, uuid)).toEqual(await wholeOf(await storeWith(received.map(sampled)), uuid));
      }),
      cases(150),
    );
  });

  it('log records of any task, repeated, in any order and any batches, give the record of their facts', async () => {
    const anyDelivered = arbitraryTask().chain(({ uuid, facts }) => fc.record({ uuid: fc.constant(uuid), delivery: anyDelivery(facts) }));
    await fc.assert(
      fc.asyncProperty(anyDelivered, async ({ uuid, delivery }) => {
        const { store, app } = receiving();
        const here = memoryStore();
        for (const facts of delivery) {
          await post(app, 'logs', encoding, factsBody(encoding, facts));
          await here.append(facts.map(sent));
        }
        expect(await wholeOf(store, uuid)).toEqual(await wholeOf(here, uuid));
      }),
      cases(100),
    );
  });

  it('live facts and then the spans, whole or one by one, change nothing', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryTask(), fc.boolean(), async ({ uuid, facts }, oneByOne) => {
        fc.pre(facts.length > 0);
        const { store, app } = receiving();
        await post(app, 'logs', encoding, factsBody(encoding, facts.map(sampled)));
        const before = await wholeOf(store, uuid);
        const spans = spansOf(facts);
        const deliveries = oneByOne ? spans.map((span) => [span]) : [spans];
        for (const delivery of deliveries) await post(app, 'traces', encoding, traceBody(encoding, delivery));
        expect(await wholeOf(store, uuid)).toEqual(before);
      }),
      cases(60),
    );
  });
});

/** Spans are sent of sampled traces alone. */
function sampled(fact: Fact): Fact {
  return fact.kind === 'task-start' ? { ...fact, sampled: true } : fact;
}
