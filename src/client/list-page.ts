/** The list's page, live: rows change where they are, those that left the filter turn quiet, new tasks are announced. */
import type { TaskState, TaskSummary } from '../task-record.ts';
import { ANNOUNCE_MS, hide, one, put, putConnection, putIcon } from './dom.ts';
import { watchStream } from './watch.ts';
import type { Connection } from './watch.ts';
import { brief, countOf, localTime, plain, share, stateName, text } from './words.ts';
import type { ShownTask } from './words.ts';

/** What has happened to the tasks of this page since the server made it. */
interface Changes extends Connection {
  /** The newest entry of each task that has a row, as far as one came. */
  readonly tasks: ReadonlyMap<string, TaskSummary>;
  /** Those with a row that do not fit the filter any more. */
  readonly left: ReadonlySet<string>;
  /** Those without a row that a new look would show here. */
  readonly news: ReadonlySet<string>;
  /** Grows with each event. */
  readonly events: number;
}

/** Data of an event: of `start` the list, of `change` an entry, of `gone` a UUID. */
interface ListEvent extends TaskSummary {
  tasks: TaskSummary[];
  next: string | null;
}

const listing = one(document, '.listing')!;
const rows = new Map([...listing.querySelectorAll<HTMLLIElement>('.tasks > li')].map((row) => [row.id.slice(2), row]));

/** How far the server's clock is ahead of this one. */
const skew = Number(listing.dataset['now']) - Date.now();
const now = (): number => Date.now() + skew;

// ---- What came ----

const timeOf = (task: Pick<TaskSummary, 'created' | 'updated'>): string => task.created ?? task.updated;
const oldest = [...rows.values()].reduce((least, row) => {
  const time = one<HTMLTimeElement>(row, 'time')!.dateTime;
  return least === '' || time < least ? time : least;
}, '');

/** Whether a task without a row would have one on a page made now. */
function isNew(task: TaskSummary): boolean {
  return 'whole' in listing.dataset || ('newest' in listing.dataset && (task.version === 1 || timeOf(task) >= oldest));
}

function apply(before: Changes, event: string, data: ListEvent): Partial<Changes> {
  const tasks = new Map(before.tasks);
  const left = new Set(before.left);
  const news = new Set(before.news);
  const take = (task: TaskSummary): void => {
    const { task_uuid: uuid } = task;
    left.delete(uuid);
    if (rows.has(uuid)) tasks.set(uuid, task);
    else if (isNew(task)) news.add(uuid);
  };
  if (event === 'change') take(data);
  else if (event === 'gone') {
    news.delete(data.task_uuid);
    if (rows.has(data.task_uuid)) left.add(data.task_uuid);
  } else if (event === 'start') {
    for (const task of data.tasks) take(task);
    const listed = new Set(data.tasks.map((task) => task.task_uuid));
    const uuids = [...rows.keys()];
    // What stands behind the last one that is still listed may have been pushed to the next page.
    const known = data.next === null ? uuids.length : uuids.findLastIndex((uuid) => listed.has(uuid));
    for (const uuid of uuids.slice(0, Math.max(0, known))) if (!listed.has(uuid)) left.add(uuid);
  }
  return { tasks, left, news, events: before.events + 1 };
}

const search = new URLSearchParams(location.search);
const filter = new URLSearchParams([...search].filter(([name]) => !['as', 'cursor', 'limit', 'order'].includes(name)));
const watch = watchStream<Changes>(
  { connection: 'connecting', tasks: new Map(), left: new Set(), news: new Set(), events: 0 },
  'tasks',
  new URLSearchParams(filter),
  apply,
  {},
  `?${search}`,
);

// ---- What is shown ----

/** The tasks of rows that still change by the time alone, as they were shown last. */
const shown = new Map<string, ShownTask>();
for (const [uuid, row] of rows) if (row.dataset['task']) shown.set(uuid, JSON.parse(row.dataset['task']) as ShownTask);

function showTask(row: HTMLElement, task: ShownTask): void {
  const { state } = task;
  if (row.dataset['state'] !== state) {
    row.dataset['state'] = state;
    putIcon(one(row, '.icon'), state);
  }
  put(one(row, '.state'), stateName(state));
  put(one(row, '.brief'), brief(task, now()));
  const part = state === 'running' ? share(task) : null;
  const bar = one<HTMLProgressElement>(row, 'progress')!;
  hide(bar, part === null);
  bar.value = part ?? 0;
}

function showLeft(uuid: string, row: HTMLElement): void {
  if (row.classList.contains('left')) return;
  row.classList.add('left');
  row.title = text.left;
  // It left because it changed: one more look shows how it is now.
  void askFor(`uuid=${uuid}`).then(({ tasks: [task] }) => {
    if (task === undefined) return put(one(row, '.state'), text.deleted);
    shown.set(uuid, task);
    showTask(row, task);
  }, () => undefined);
}

async function askFor(parameters: string): Promise<Pick<ListEvent, 'tasks'>> {
  const answer = await fetch(`tasks?${parameters}`, { headers: { Accept: 'application/json' } });
  if (!answer.ok) throw new Error(answer.statusText);
  return (await answer.json()) as ListEvent;
}

let last = watch.getSnapshot();
function show(): void {
  const next = watch.getSnapshot();
  for (const [uuid, row] of rows) {
    const task = next.tasks.get(uuid);
    if (task !== undefined && task !== last.tasks.get(uuid)) {
      put(one(row, '.name bdi'), plain(task.task_name));
      shown.set(uuid, task);
      showTask(row, task);
    }
    if (next.left.has(uuid)) showLeft(uuid, row);
    else row.classList.remove('left');
  }
  if (next.news.size > 0 && next.news !== last.news) announce(text.newTasks(next.news.size));
  if (next.news.size === 0) hide(one(listing, '.news'), true);
  if (next.events !== last.events) countLater();
  last = next;
  showConnection();
}

let announced = -ANNOUNCE_MS;
let announcing = 0;
/** Shows it at once; a screen reader announces it at most once in ten seconds. */
function announce(words: string): void {
  hide(one(listing, '.news'), false);
  put(one(listing, '.news a'), words);
  clearTimeout(announcing);
  announcing = setTimeout(() => {
    announced = performance.now();
    put(one(listing, '[role=status]'), words);
  }, Math.max(0, announced + ANNOUNCE_MS - performance.now()));
}

function showConnection(): void {
  const snapshot = watch.getSnapshot();
  putConnection(one(listing, '.connection'), snapshot, snapshot.error?.detail ?? '');
}

// ---- The numbers on the tabs, once in five seconds ----

const COUNTS_MS = 5000;
let counting = 0;
function countLater(): void {
  counting ||= setTimeout(() => {
    counting = 0;
    const asked = new URLSearchParams(filter);
    asked.delete('state');
    void fetch(`tasks/counts?${asked}`, { headers: { Accept: 'application/json' } }).then(async (answer) => {
      if (!answer.ok) return;
      const { counts, capped } = (await answer.json()) as { counts: Partial<Record<TaskState, number>>; capped: TaskState[] };
      for (const tab of listing.querySelectorAll<HTMLElement>('.tabs a')) {
        const state = tab.dataset['state'];
        put(one(tab, '.figure'), countOf(counts, capped, state === 'all' ? undefined : (state as TaskState)));
      }
    }, () => undefined);
  }, COUNTS_MS);
}

// ---- By hand ----

/** `/` leads to the filter, `j` and `k` to the next and the previous task. */
document.addEventListener('keydown', (event) => {
  const isTyping = (event.target as HTMLElement).matches('input, select, textarea');
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === '/') {
    event.preventDefault();
    one(listing, '[type=search]')!.focus();
  }
  if (event.key !== 'j' && event.key !== 'k') return;
  const names = [...listing.querySelectorAll<HTMLElement>('.tasks .name')];
  const at = names.indexOf(document.activeElement as HTMLElement);
  names[event.key === 'j' ? at + 1 : Math.max(0, at - 1)]?.focus();
});

// The form writes a short URL: without empty fields, and with an attribute's key in the parameter's name.
one(listing, 'form')!.addEventListener('formdata', ({ formData }) => {
  const entries = [...formData] as [string, string][];
  for (const [name] of entries) formData.delete(name);
  for (const [name, value] of entries) {
    const [, key, wanted] = name === 'attribute' ? (/^\s*(.+?)\s*=\s*(.*)$/.exec(value) ?? []) : [];
    if (key !== undefined) formData.append(`attribute.${key}`, wanted!);
    else if (value.trim() !== '') formData.append(name, value.trim());
  }
});

// Where the tabs are wider than the window, the present one is in sight.
const tabs = one(listing, '.tabs')!;
const here = one(tabs, '[aria-current]');
if (here !== null) tabs.scrollLeft = here.offsetLeft - (tabs.clientWidth - here.offsetWidth) / 2;

for (const time of listing.querySelectorAll('time')) {
  time.title = new Date(time.dateTime).toLocaleString();
  put(time, localTime(time.dateTime, now()));
}
let frame = 0;
watch.subscribe(() => void (frame ||= requestAnimationFrame(() => {
  frame = 0;
  show();
})));
setInterval(() => {
  for (const [uuid, task] of shown) if (!task.finished) put(one(rows.get(uuid)!, '.brief'), brief(task, now()));
  showConnection();
}, 1000);
