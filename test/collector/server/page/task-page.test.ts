import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Fact } from '../../../../src/fact.ts';
import { uuidOf } from '../../store/stored-task.ts';
import { opened, storeWith, textOf } from './page-of.ts';

const UUID = uuidOf(1);
const TASK = { taskUuid: UUID, traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), taskSpanId: 'b'.repeat(16) };
/** Half an hour ago, in microseconds. */
const NOW = Date.now();
const BEGAN = (NOW - 1_800_000) * 1000;
const SECOND = 1_000_000;

const spanOf = (number: number): Fact['span'] => ({ ...TASK, spanId: `c${number.toString(16).padStart(15, '0')}` });

function begun(more: Partial<Extract<Fact, { kind: 'task-start' }>> = {}): Fact {
  return { kind: 'task-start', span: TASK, seq: 0, time: BEGAN, name: 'Import orders', attempt: 1, attributes: { customer: 42 }, workerId: 'w', workerIntervalMs: 0, sampled: true, ...more };
}

function ended(outcome: 'completed' | 'failed' | 'cancelled' | 'timed_out', more: Partial<Extract<Fact, { kind: 'task-end' }>> = {}): Fact {
  return {
    kind: 'task-end', span: TASK, seq: 100, time: BEGAN + 90 * SECOND, name: 'Import orders', outcome, duration: 90 * SECOND, exception: '',
    jobs: { total: 0, finished: 0, failed: 0 }, ...more,
  };
}

/** A step, with the step around it. */
function step(number: number, name: string, around: Fact['span'] = TASK): Fact {
  return { kind: 'scope-start', span: spanOf(number), seq: 0, time: BEGAN + number * SECOND, name, parentSpanId: around.spanId };
}

function stepEnd(number: number, outcome: 'completed' | 'failed' = 'completed'): Fact {
  return {
    kind: 'scope-end', span: spanOf(number), seq: 90, time: BEGAN + (number + 2) * SECOND, outcome, duration: 2 * SECOND, heading: false,
    ...(outcome === 'failed' && { error: { name: 'TypeError', message: 'no such order', causes: [{ name: 'DatabaseError', message: 'deadlock' }] } }),
  };
}

async function shown(facts: readonly Fact[], query = '', options = {}): Promise<{ html: string; text: string; response: Response }> {
  const { response, html } = await opened(await storeWith(facts), `/tasks/${UUID}${query}`, options);
  return { response, html, text: textOf(html) };
}

// A page says for how many minutes a task has run.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW });
  onTestFinished(() => void vi.useRealTimers());
});

describe('a person who waits reads', () => {
  test('what a task does now, how far it is, and for how long', async () => {
    const { text, html } = await shown([begun(), step(1, 'Write rows'), { kind: 'progress', span: spanOf(1), seq: 1, time: BEGAN + 2 * SECOND, done: 1204, total: 5000 }]);
    expect(text).toContain('Import orders Write rows: 1,204 of 5,000 Running for 30 min');
    expect(html).toContain('<progress part="bar" aria-label="Progress" max="1" value="0.2408">');
    expect(html).toMatch(/<title>\d+ % · Import orders<\/title>/);
  });

  test('no word twice while a task runs without a step', async () => {
    expect((await shown([begun()])).text).toContain('Import orders Running For 30 min');
  });

  test('of a lost task that was asked to stop both, and what comes of it', async () => {
    const store = await storeWith([begun({ workerIntervalMs: 5000, cancellable: true }), step(1, 'Write rows')]);
    const [worker] = await store.workers();
    await store.silence([{ id: 'w', beats: worker!.beats, silentMs: 15_000, lost: true, final: false }]);
    await store.cancel(UUID, { by: 'ada' });
    const text = textOf((await opened(store, `/tasks/${UUID}`)).html);
    expect(text).toMatch(/Lost: no word from its worker for .* Asked to stop just now by ada\. Its worker is lost: if it comes back, the task stops\. What is known/);
  });

  test.each([
    ['completed', 'Completed in 1 min 30 s'],
    ['cancelled', 'Cancelled after 1 min 30 s'],
    ['failed', 'Failed after 1 min 30 s'],
    ['timed_out', 'Timed out after 1 min 30 s'],
  ] as const)('how it ended: %s', async (outcome, sentence) => {
    const { text } = await shown([begun(), ended(outcome, outcome === 'failed' ? { exception: 'no such order' } : {})]);
    expect(text).toContain(sentence);
    expect(text).not.toContain('Cancel task');
  });

  test('that it waits for a worker', async () => {
    const announced: Fact = { kind: 'task-announced', span: { ...TASK, taskSpanId: '' }, seq: 0, time: BEGAN, name: 'Import orders', attributes: {} };
    const { text } = await shown([announced]);
    expect(text).toContain('Queued: waiting for a worker For 30 min');
  });
});

describe('a failure stands before everything that has to be opened', () => {
  test('with its name, its reasons, and the steps around it, of which the last leads to its row', async () => {
    const { html, text } = await shown([
      begun(), step(1, 'Write rows'), step(2, 'Write orders', spanOf(1)),
      { kind: 'exception', span: spanOf(2), seq: 1, time: BEGAN + 3 * SECOND, type: 'TypeError', message: 'no such order', causes: [{ name: 'DatabaseError', message: 'deadlock' }] },
      stepEnd(2, 'failed'), stepEnd(1, 'failed'),
      ended('failed', { exception: 'no such order', exceptionSpanId: spanOf(2).spanId }),
    ]);
    expect(text).toContain('What went wrong');
    expect(text).toContain('TypeError: no such order caused by DatabaseError: deadlock Write rows Write orders');
    expect(html).toContain(`<a href="#s-${spanOf(2).spanId}">`);
    expect(html.indexOf('What went wrong')).toBeLessThan(html.indexOf('class="columns"'));
  });
});

describe('the steps', () => {
  test('that run or have failed are open, and what is done is closed with how long it took and how much is in it', async () => {
    const { html } = await shown([
      begun(), step(1, 'Done'), step(2, 'Inside', spanOf(1)), stepEnd(2), stepEnd(1), step(5, 'Now'), step(6, 'Deeper', spanOf(5)),
    ]);
    const row = (number: number): string => new RegExp(`<li id="s-${spanOf(number).spanId}"[^]*?</summary>`).exec(html)![0];
    expect(row(1)).toContain('<details>');
    expect(textOf(`<main>${row(1)}`)).toContain('Done 1 step · 2.0 s');
    expect(row(5)).toContain('<details open>');
  });

  test('are a bounded number; what is left out is behind a link that has it', async () => {
    const facts = [begun(), ...Array.from({ length: 1000 }, (_, number) => [step(number, `Step ${number}`), stepEnd(number)]).flat()];
    const store = await storeWith(facts);
    const { html } = await opened(store, `/tasks/${UUID}`);
    expect(html.match(/<li id="s-/g)!.length).toBeLessThanOrEqual(400);
    const more = (page: string): string | undefined => /<li class="more"><a href="([^"]+)">/.exec(page)?.[1]?.replaceAll('&amp;', '&');
    const seen = new Set<string>();
    for (let url = more(html); url !== undefined;) {
      const page = (await opened(store, `/tasks/${UUID}${url}`)).html;
      for (const [, name = ''] of page.matchAll(/<bdi>(Step \d+)</g)) seen.add(name);
      url = more(page);
    }
    expect(seen.size).toBe(1000);
  });

  test('of an earlier attempt are shown by its number', async () => {
    const again = { ...TASK, spanId: 'd'.repeat(16), taskSpanId: 'd'.repeat(16) };
    const facts = [begun(), step(1, 'First try'), stepEnd(1), ended('failed', { exception: 'x' }), { ...begun({ attempt: 2, time: BEGAN + 100 * SECOND }), span: again } as Fact];
    expect((await shown(facts)).html).not.toContain('<bdi>First try');
    const { html } = await shown(facts, '?attempt=1');
    expect(html).toContain('<bdi>First try');
    // What does not change is not brought up to date.
    expect(html).not.toContain('data-live');
  });

  test('that a task does not have are a 404', async () => {
    expect((await shown([begun()], '?of=00000000000000ff')).response.status).toBe(404);
  });
});

describe('nothing of a task becomes markup', () => {
  test('whatever is in names, messages, errors, attributes and results', async () => {
    const evil = `</pre></script><img src=x onerror=alert(1)>"'\u202e`;
    const { html } = await shown([
      begun({ name: evil, attributes: { [evil]: evil } }), step(1, evil),
      { kind: 'notification', span: spanOf(1), seq: 1, time: BEGAN + 2 * SECOND, message: evil },
      { kind: 'result', span: TASK, seq: 2, time: BEGAN + 3 * SECOND, result: JSON.stringify({ [evil]: evil }) },
      ended('failed', { name: evil, exception: evil }),
    ]);
    expect(html).not.toContain('<img');
    expect(html.match(/<script/g)).toHaveLength(1);
    // A text of another direction turns nothing around it; in the log it stays on its line.
    expect(textOf(html.slice(0, html.indexOf('class="box"')))).not.toContain('\u202e');
  });

  test('and a log that begins with an empty line keeps it', async () => {
    const { html } = await shown([begun(), { kind: 'notification', span: TASK, seq: 1, time: BEGAN, message: 'x' }]);
    expect(html).toMatch(/<pre>\n\tx\n<\/pre>/);
  });
});

describe('the log', () => {
  const many = Array.from({ length: 6000 }, (_, at): Fact => ({ kind: 'notification', span: TASK, seq: at + 1, time: BEGAN + at, message: `line ${at} of this log` }));

  test('has its end, and a link to what is before', async () => {
    const store = await storeWith([begun(), ...many]);
    const { html } = await opened(store, `/tasks/${UUID}`);
    expect(html).toContain('line 5999 ');
    expect(html.length).toBeLessThan(100_000);
    const [, url = ''] = /<a class="earlier" href="([^"]+)">/.exec(html)!;
    const { html: before } = await opened(store, `/tasks/${UUID}${url}`);
    const lines = (page: string): number[] => [...page.matchAll(/line (\d+) of/g)].map(([, number]) => Number(number));
    expect(lines(before).at(-1)).toBe(lines(html)[0]! - 1);
    expect(before).toContain('class="later"');
  });
});

test('a link leads to the trace where the server has the address of a tracing backend', async () => {
  const { html } = await shown([begun()], '', { traceUrl: 'https://jaeger.example/trace/{trace_id}' });
  expect(html).toContain(`<a href="https://jaeger.example/trace/${'a'.repeat(32)}">`);
  expect((await shown([begun()])).html).not.toContain('jaeger');
});
