import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { createTasksApp, sqliteStore } from '../../collector/index.ts';
import type { TaskRecord } from '../../collector/index.ts';
import { Child } from './child.ts';
import { newDisk } from './disk.ts';
import type { Disk } from './disk.ts';
import type { Evidence, Span, StoredTaskEvidence } from './evidence.ts';
import { holdLock } from './lock.ts';
import type { WorkerCommand, WorkerLine } from './worker-lines.ts';
import { INTERVAL_MS } from './schedule.ts';
import type { Fault, Schedule, WorkerPlan } from './schedule.ts';
import { RecordReader, StreamWatcher } from './watcher.ts';

/** How long the suite waits for anything: the longest time that is promised. */
export const SETTLE_MS = 20_000;
const LOOK_MS = 10;
/** The processes of all rounds share their compiled code. */
const COMPILE_CACHE = mkdtempSync(join(tmpdir(), 'taskspan-faults-compiled-'));
process.once('exit', () => rmSync(COMPILE_CACHE, { recursive: true, force: true }));

/** Runs a round to its end and gives its evidence. */
export async function runRound(schedule: Schedule): Promise<Evidence> {
  const round = new Round(schedule);
  try {
    return await round.run();
  } finally {
    await round.end();
  }
}

/** A worker's process and its faults. */
interface Worker {
  readonly plan: WorkerPlan;
  readonly process: Child;
  readonly stops: Span[];
  readonly lostAfterMs: number[];
  killedAt: number | undefined;
}

class Round {
  readonly #schedule: Schedule;
  readonly #disk: Disk = newDisk();
  readonly #store: string;
  readonly #env: Record<string, string>;
  readonly #workers: Worker[];
  readonly #storeFaults: Span[] = [];
  readonly #unsettled: string[] = [];
  readonly #stall = monitorEventLoopDelay({ resolution: 5 });
  readonly #streams = new Map<string, StreamWatcher>();
  #server: Child;
  #url: string | undefined;
  #isFull = false;
  #list: StreamWatcher | undefined;
  #reader: RecordReader | undefined;

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
    this.#store = join(this.#disk.folder, 'tasks.sqlite');
    this.#env = { NODE_COMPILE_CACHE: COMPILE_CACHE };
    this.#server = this.#start('server.ts');
    this.#workers = schedule.workers.map((plan) => ({
      plan,
      process: this.#start('worker.ts', JSON.stringify(plan)),
      stops: [],
      lostAfterMs: [],
      killedAt: undefined,
    }));
  }

  async run(): Promise<Evidence> {
    await this.#settled('the start', () => this.#workers.every(({ process }) => linesOf(process).length > 0));
    await this.#serves();
    const serverUrl = ():  string | undefined => this.#url;
    const tasks = this.#workers.flatMap(({ plan }) => plan.tasks.map(({ uuid }) => uuid));
    for (const uuid of tasks) this.#streams.set(uuid, new StreamWatcher(serverUrl, `/tasks/${uuid}/events`));
    this.#list = new StreamWatcher(serverUrl, '/tasks/events', '0');
    this.#reader = new RecordReader(serverUrl, tasks);
    this.#stall.enable();
    for (const worker of this.#workers) command(worker, 'go');
    await Promise.all(this.#schedule.faults.map((fault) => this.#cause(fault)));
    await Promise.all(this.#workers.map((worker) => this.#ended(worker)));
    await this.#streamsComplete(tasks);
    return this.#evidence(tasks, await this.#read(tasks));
  }

  async end(): Promise<void> {
    this.#stall.disable();
    this.#list?.close();
    for (const stream of this.#streams.values()) stream.close();
    const processes = [this.#server, ...this.#workers.map(({ process }) => process)];
    for (const process of processes) process.kill('SIGKILL');
    await Promise.all(processes.map(({ ended }) => ended));
    await this.#reader?.stop();
    this.#disk.remove();
  }

  #start(script: string, ...args: string[]): Child {
    const child = new Child(script, [this.#store, String(INTERVAL_MS), ...args], this.#env);
    if (this.#isFull) this.#disk.beFull([child.pid]);
    return child;
  }

  async #cause(fault: Fault): Promise<void> {
    await pause(fault.at);
    switch (fault.kind) {
      case 'kill-worker':
        return this.#killWorker(this.#workers[fault.worker]!);
      case 'kill-thread':
        return command(this.#workers[fault.worker]!, 'kill-thread');
      case 'block-loop':
        return command(this.#workers[fault.worker]!, `block ${fault.forMs}`);
      case 'stop-worker':
        return this.#stop(this.#workers[fault.worker]!.process, fault.forMs, this.#workers[fault.worker]!.stops);
      case 'full-disk':
        return this.#withoutStore(() => this.#fullDisk(fault.forMs));
      case 'locked-file':
        return this.#withoutStore(() => holdLock(this.#store, fault.forMs));
      case 'stop-server':
        return this.#stop(this.#server, fault.forMs);
      case 'kill-server':
        return this.#killServer();
    }
  }

  #killWorker(worker: Worker): void {
    if (worker.process.isOver) return;
    worker.killedAt = Date.now();
    worker.process.kill('SIGKILL');
  }

  async #killServer(): Promise<void> {
    this.#url = undefined;
    this.#server.kill('SIGKILL');
    await this.#server.ended;
    this.#server = this.#start('server.ts');
    await this.#serves();
  }

  async #serves(): Promise<void> {
    const server = this.#server;
    await this.#settled('the server', () => server.lines.length > 0 || server !== this.#server);
    if (server === this.#server) this.#url = server.lines[0];
  }

  async #withoutStore(fault: () => Promise<void>): Promise<void> {
    const from = Date.now();
    await fault();
    this.#storeFaults.push({ from, to: Date.now() });
  }

  async #fullDisk(forMs: number): Promise<void> {
    this.#isFull = true;
    this.#disk.beFull(this.#pids());
    await pause(forMs);
    this.#isFull = false;
    this.#disk.free(this.#pids());
  }

  /** Stops a process for a while. If it was in the midst of a commit, it holds the lock of the store meanwhile. */
  async #stop(process: Child, forMs: number, stops: Span[] = []): Promise<void> {
    await this.#withoutStore(async () => {
      stops.push(await stopped(process, forMs));
    });
  }

  #pids(): number[] {
    const all = [this.#server, ...this.#workers.map(({ process }) => process)];
    return all.filter(({ isOver }) => !isOver).map(({ pid }) => pid);
  }

  /** Waits until a worker has ended, and if it was killed, until its open tasks are lost. */
  async #ended({ process, killedAt, plan, lostAfterMs }: Worker): Promise<void> {
    await this.#settled(`the end of a worker: ${process.stderr}`, () => process.isOver);
    if (killedAt === undefined) return;
    const begun = Date.now();
    await Promise.all(
      plan.tasks.map(async ({ uuid }) => {
        // Answers to requests before its end do not count.
        const state = (): string | undefined =>
          this.#reader!.answers.findLast(({ task, sentAt }) => task === uuid && sentAt > begun)?.record?.state;
        await this.#settled(`${uuid} to be lost`, () => this.#isUnknown(uuid, begun) || !['running', undefined].includes(state()));
        if (state() === 'lost') lostAfterMs.push(Date.now() - killedAt);
      }),
    );
  }

  /** Whether a task is not found: its worker was killed before it could report anything. */
  #isUnknown(uuid: string, since: number): boolean {
    return this.#reader!.answers.some(({ task, sentAt, status }) => task === uuid && sentAt > since && status === 404);
  }

  /** Waits until all streams have sent what is stored. */
  async #streamsComplete(tasks: readonly string[]): Promise<void> {
    const store = sqliteStore(this.#store);
    try {
      for (const uuid of tasks) {
        const task = await store.stored(uuid);
        if (task === undefined) continue;
        const { version, state } = task;
        const events = this.#streams.get(uuid)!.events;
        const list = this.#list!.events;
        const reached = new RegExp(`"version":${version}\\b`);
        await this.#settled(`the stream of ${uuid}`, () => {
          if (state !== 'lost') return events.at(-1)?.event === 'end';
          return events.some(({ data }) => reached.test(data)) && events.some(({ data }) => data.includes('"state":"lost"'));
        });
        await this.#settled(`the list to have ${uuid}`, () => list.some(({ data }) => data.includes(uuid) && reached.test(data)));
      }
    } finally {
      await store.close();
    }
  }

  /** Reads what is stored by a fresh server, which has nothing cached. */
  async #read(tasks: readonly string[]): Promise<Map<string, StoredTaskEvidence>> {
    const store = sqliteStore(this.#store);
    const app = createTasksApp({ store, listen: false });
    const get = async (path: string): Promise<Response> => app.request(path);
    const stored = new Map<string, StoredTaskEvidence>();
    for (const uuid of tasks) {
      const [record, scopes] = [await get(`/tasks/${uuid}`), await get(`/tasks/${uuid}/scopes`)];
      if (record.status === 404) continue;
      const { attempts } = (await scopes.json()) as Pick<StoredTaskEvidence, 'attempts'>;
      stored.set(uuid, { record: (await record.json()) as TaskRecord, attempts });
    }
    await store.close();
    return stored;
  }

  async #evidence(tasks: readonly string[], stored: Map<string, StoredTaskEvidence>): Promise<Evidence> {
    return {
      schedule: this.#schedule,
      workers: await Promise.all(
        this.#workers.map(async ({ plan, process, killedAt, stops, lostAfterMs }) => ({
          tasks: plan.tasks.map(({ uuid }) => uuid),
          lines: linesOf(process),
          killedAt,
          code: process.isOver ? await process.ended : null,
          stderr: process.stderr,
          stops,
          lostAfterMs,
        })),
      ),
      stored,
      answers: this.#reader!.answers,
      streams: tasks.map((task) => ({ task, events: this.#streams.get(task)!.events })),
      list: this.#list!.events,
      storeFaults: this.#storeFaults,
      stallMs: this.#stall.max / 1e6,
      unsettled: this.#unsettled,
    };
  }

  /** Waits until a condition holds, and notes in the evidence if it never does. */
  async #settled(what: string, isSo: () => boolean): Promise<void> {
    const until = performance.now() + SETTLE_MS;
    while (!isSo()) {
      if (performance.now() > until) {
        this.#unsettled.push(`waited in vain for ${what}`);
        return;
      }
      await pause(LOOK_MS);
    }
  }
}

async function stopped(process: Child, forMs: number): Promise<Span> {
  const from = Date.now();
  process.kill('SIGSTOP');
  await pause(forMs);
  process.kill('SIGCONT');
  return { from, to: Date.now() };
}

function command({ process }: Worker, line: WorkerCommand): void {
  process.send(line);
}

/** The lines of a worker. The last line of a killed process may be incomplete. */
function linesOf({ lines }: Child): WorkerLine[] {
  return lines.flatMap((line) => (line.endsWith('}') ? [JSON.parse(line) as WorkerLine] : []));
}
