import { trace } from '@opentelemetry/api';
import { expect, it } from 'vitest';
import { jobUuid, queueTasks } from '../../../src/bullmq/index.ts';
import { diagnosed } from '../support/diagnosed.ts';
import { recorded } from '../support/recorded.ts';

interface Options {
  readonly telemetry?: object;
  readonly defaultJobOptions?: Options;
}

/** A queue that only numbers its jobs and keeps the arguments. */
class NumberedQueue {
  readonly given: unknown[][] = [];
  readonly opts: Options;

  constructor(opts: Options = {}) {
    this.opts = opts;
  }

  async add(name: string, data: unknown, opts?: object): Promise<object> {
    return this.#numbered(name, data, opts);
  }

  async addBulk(jobs: { name: string; data: unknown; opts?: object }[]): Promise<object[]> {
    return jobs.map(({ name, data, opts }) => this.#numbered(name, data, opts));
  }

  #numbered(name: string, ...rest: unknown[]): object {
    this.given.push([name, ...rest]);
    return { id: String(this.given.length), name, queueName: 'mail', attemptsMade: 0, opts: rest[1] };
  }
}

const inSpan = <T>(fn: () => Promise<T>): Promise<T> => trace.getTracer('test').startActiveSpan('request', fn);
const carried = (given: unknown[] | undefined): unknown => (given?.[2] as Options | undefined)?.telemetry;
const CARRIER = { metadata: expect.stringMatching(/^\{"traceparent":"00-[0-9a-f]{32}-[0-9a-f]{16}-01"\}$/) as string };

it('a job carries the trace of its announcement, in which it was added, beside its data and options', async () => {
  const { spans } = recorded();
  const queue = queueTasks(new NumberedQueue());
  await inSpan(() => queue.add('One', { to: 'ada' }, { attempts: 3 }));
  await inSpan(() => queue.addBulk([{ name: 'Two', data: 2 }]));
  expect(queue.given).toEqual([
    ['One', { to: 'ada' }, { attempts: 3, telemetry: CARRIER }],
    ['Two', 2, { telemetry: CARRIER }],
  ]);
  const announcements = (await spans()).filter(({ name }) => name.startsWith('enqueue '));
  const ids = announcements.map((span) => `00-${span.spanContext().traceId}-${span.spanContext().spanId}-01`);
  expect(queue.given.map((given) => JSON.parse((carried(given) as { metadata: string }).metadata) as unknown)).toEqual(
    ids.map((traceparent) => ({ traceparent })),
  );
});

it('each job of a flow carries the trace of its own announcement', async () => {
  const { spans } = recorded();
  type Node = { name: string; queueName: string; opts?: object; children?: Node[] };
  let given: Node | undefined;
  const added = ({ name, queueName, children }: Node): object => ({
    job: { id: name, name, queueName, attemptsMade: 0 },
    ...(children && { children: children.map(added) }),
  });
  const producer = { add: async (flow: Node) => added((given = flow)), addBulk: async (flows: Node[]) => flows.map(added) };
  const child = (name: string): Node => ({ name, queueName: 'mail' });
  await queueTasks(producer).add({ ...child('Parent'), children: [{ ...child('First'), children: [child('Deep')] }, child('Second')] });

  const nodes = (node: Node): Node[] => [node, ...(node.children ?? []).flatMap(nodes)];
  const metadata = nodes(given!).map((node) => [node.name, (node.opts as Options & { telemetry: { metadata: string } }).telemetry.metadata]);
  const ids = (await spans()).map((span) => [
    span.name.replace('enqueue ', ''),
    JSON.stringify({ traceparent: `00-${span.spanContext().traceId}-${span.spanContext().spanId}-01` }),
  ]);
  expect(metadata).toEqual(expect.arrayContaining(ids));
  expect(ids).toHaveLength(4);
});

it('a job keeps the trace that the caller gave it, and carries none where no provider makes spans', async () => {
  const untracedQueue = queueTasks(new NumberedQueue());
  await untracedQueue.add('No trace', {});
  expect(untracedQueue.given.map(carried)).toEqual([undefined]);
  recorded();
  const queue = queueTasks(new NumberedQueue());
  await inSpan(() => queue.add('Left out', {}, { telemetry: { omitContext: true } }));
  const traced = queueTasks(new NumberedQueue({ telemetry: {} }));
  await inSpan(() => traced.add('By the queue itself', {}));
  expect(queue.given.map(carried)).toEqual([{ omitContext: true }]);
  expect(traced.given.map(carried)).toEqual([undefined]);
  const untraced = queueTasks(new NumberedQueue({ defaultJobOptions: { telemetry: { omitContext: true } } }));
  await inSpan(() => untraced.add('Left out by default', {}));
  expect(untraced.given.map(carried)).toEqual([undefined]);
});

it('a task has the name and the attributes of the options', async () => {
  const { record } = recorded();
  const queue = queueTasks(new NumberedQueue(), {
    taskName: ({ id, name }) => `${name} ${id} with secret`,
    attributes: () => ({ tenant: 'acme' }),
    redact: (text) => text.replaceAll('secret', '…'),
  });
  await queue.add('One', {});
  expect(await record(jobUuid('mail', '1'))).toMatchObject({
    task_name: 'One 1 with …',
    state: 'queued',
    attributes: { tenant: 'acme', 'bullmq.queue.name': 'mail', 'bullmq.job.id': '1' },
  });
});

it('a delayed job expires only after its delay', async () => {
  const { spans } = recorded();
  const day = 86_400_000;
  await queueTasks(new NumberedQueue()).addBulk([{ name: 'One', data: 1 }, { name: 'Two', data: 2, opts: { delay: 30 * day } }]);
  const short = queueTasks(new NumberedQueue(), { queuedFinalMs: day });
  await short.addBulk([{ name: 'Three', data: 3 }, { name: 'Four', data: 4, opts: { delay: 5 } }]);
  await queueTasks(new NumberedQueue(), { queuedFinalMs: 0 }).add('Five', 5, { delay: 5 });
  const finalMs = (await spans()).map(({ attributes }) => attributes['taskspan.queued_final_ms']);
  expect(finalMs).toEqual([undefined, 37 * day, day, day + 5, 0]);
});

it('if the name can\'t be made it is the job\'s, and the job is added all the same', async () => {
  const warnings = diagnosed();
  const { record } = recorded();
  const queue = queueTasks(new NumberedQueue(), {
    taskName: () => {
      throw new Error('no name');
    },
    attributes: () => {
      throw new Error('no attributes');
    },
  });
  await expect(queue.add('One', {})).resolves.toMatchObject({ id: '1' });
  expect(await record(jobUuid('mail', '1'))).toMatchObject({ task_name: 'One' });
  expect(warnings).toHaveLength(2);
});

it('a job that is not added is no task, and the caller gets the queue\'s error', async () => {
  const { spans } = recorded();
  const failure = new Error('connection is closed');
  const queue = queueTasks({ add: () => Promise.reject(failure), addBulk: () => Promise.reject(failure) });
  await expect(queue.add()).rejects.toBe(failure);
  expect(await spans()).toEqual([]);
  const named = queueTasks({ add: (_name: string) => Promise.reject(failure), addBulk: () => Promise.reject(failure) });
  await expect(named.add('One')).rejects.toBe(failure);
  const [span] = await spans();
  expect(span).toMatchObject({ name: 'enqueue One', status: { code: 2, message: failure.message }, attributes: {} });
});

it('wrong arguments throw at once', () => {
  expect(() => queueTasks({} as NumberedQueue)).toThrow('queueTasks: expected a Queue or FlowProducer of BullMQ, got');
  expect(() => queueTasks(new NumberedQueue(), { name: 'x' } as never)).toThrow(
    'queueTasks: expected options among taskName, attributes, redact, limits, queuedFinalMs, got "name"',
  );
  expect(() => queueTasks(new NumberedQueue(), { taskName: 'x' } as never)).toThrow('taskName: expected a function, got "x"');
});
