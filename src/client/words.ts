import type { CurrentScope, ScopeLine, TaskState, TaskSummary } from '../task-record.ts';

/**
 * Every word that people read, on the server's pages and in the elements: both import this file, and no other file has
 * any. People read "step" where programs read scope or job.
 */

/** The states in the order of the tabs: those that may need attention come first. */
export const STATES: readonly TaskState[] = ['queued', 'running', 'failed', 'lost', 'cancelled', 'expired', 'completed'];

/** "Failed". */
export function stateName(state: TaskState): string {
  return state.charAt(0).toUpperCase() + state.slice(1);
}

/** Without the controls that turn the direction of what stands behind them: they can make one text look like another. */
export function plain(text: string): string {
  return text.replace(/[\u202a-\u202e\u2066-\u2069]/g, '');
}

/** 12345 is "12,345". */
export function count(n: number): string {
  return n.toLocaleString('en');
}

/** "1 line", "2 lines". */
export function many(n: number, one: string): string {
  return `${count(n)} ${one}${n === 1 ? '' : 's'}`;
}

/** "12 ms", "0.4 s", "14 s", "2 min 14 s", "1 h 3 min", "2 d 4 h": two units at most, so that it changes calmly. */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 0.1) return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const [size, unit, smaller] = seconds < 3600 ? [60, 'min', 's'] : seconds < 86_400 ? [3600, 'h', 'min'] : [86_400, 'd', 'h'];
  const rest = Math.floor((seconds % size) / (smaller === 's' ? 1 : smaller === 'min' ? 60 : 3600));
  return `${count(Math.floor(seconds / size))} ${unit}${rest === 0 ? '' : ` ${rest} ${smaller}`}`;
}

/** "just now", "14 s ago", "3 min ago": one unit. */
export function ago(ms: number): string {
  return ms < 2000 ? 'just now' : `${duration(ms).replace(/\.\d| \d+ (?:s|min|h)$/, '')} ago`;
}

/** "812 B", "64 kB", "46.8 MB". */
export function bytes(n: number): string {
  return n < 1000 ? `${n} B` : n < 1e6 ? `${Math.round(n / 1000)} kB` : `${(n / 1e6).toFixed(1)} MB`;
}

/** "1,204 lines, 64 kB". */
export function logSize(lines: number, size: number): string {
  return size === 0 ? '' : `${many(lines, 'line')}, ${bytes(size)}`;
}

/** 0.678 is "67 %": a bar is never full before the end. */
export function percent(part: number): string {
  return `${Math.floor(part * 100 + 1e-9)} %`;
}

/** What a person sees of a task. */
export type ShownTask = Omit<TaskSummary, 'attributes' | 'result'> & { readonly current?: CurrentScope | null };

/** What the person who waits reads first. */
interface Headline {
  /** What happens now, in one sentence, or how it has ended. The word for the state is in `lead` or in `rest`. */
  readonly lead: string;
  /** Since when, how far, and whether it is alive. */
  readonly rest: readonly string[];
}

export function headline(task: ShownTask, now: number): Headline {
  const attempt = task.attempt > 1 ? `attempt\u00a0${task.attempt}` : undefined;
  const steps = jobs(task);
  const failed = task.jobs.failed > 0 ? `${count(task.jobs.failed)} failed` : undefined;
  const done = [steps && `${steps} done`, failed, attempt];
  switch (task.state) {
    case 'queued':
      return { lead: 'Queued: waiting for a worker', rest: said(`For ${duration(since(task.created ?? task.updated, now))}`) };
    case 'running': {
      const lead = doing(task);
      const ran = duration(since(task.start ?? task.updated, now));
      return { lead: lead ?? 'Running', rest: said(lead === undefined ? `For ${ran}` : `Running for ${ran}`, ...done, alive(task, now)) };
    }
    case 'lost': {
      const heard = since(task.heard ?? task.updated, now);
      if (task.finished) return { lead: 'Lost: its worker never came back', rest: said(`Last heard ${ago(heard)}`, ...done) };
      return { lead: `Lost: no word from its worker for ${duration(heard)}`, rest: said('It may have died. If it comes back, this goes on', ...done) };
    }
    case 'expired':
      return { lead: 'Expired: no worker took it', rest: said(waited(task)) };
    default:
      return { lead: ended(task), rest: said(...done) };
  }
}

/** "Write rows: 1,204 of 5,000". */
function doing({ current }: ShownTask): string | undefined {
  if (!current) return undefined;
  const { name, done, total } = current;
  const shown = plain(name);
  if (total !== null) return `${shown}: ${count(done ?? 0)} of ${count(total)}`;
  return done === null ? shown : `${shown}: ${count(done)}`;
}

/** Whether its worker is there. `undefined` where no heartbeat is expected. */
function alive({ busy_since: busy, heard }: ShownTask, now: number): string | undefined {
  if (busy !== null) return `busy: its code has not answered for ${duration(since(busy, now))}, its worker is alive`;
  return heard === null ? undefined : `heard ${ago(since(heard, now))}`;
}

/** "Failed after 1.4 s", "Timed out after 30 s", "Completed in 0.7 s". */
function ended(task: ShownTask): string {
  const word = task.outcome === 'timed_out' ? 'Timed out' : task.outcome === 'skipped' ? 'Skipped' : stateName(task.state);
  const took = task.start && task.end ? duration(since(task.start, Date.parse(task.end))) : undefined;
  return took === undefined ? word : `${word} ${task.state === 'completed' ? 'in' : 'after'} ${took}`;
}

function waited(task: ShownTask): string | undefined {
  return task.created && task.end ? `It waited for ${duration(since(task.created, Date.parse(task.end)))}` : undefined;
}

function since(time: string, now: number): number {
  return now - Date.parse(time);
}

function said(...parts: (string | undefined)[]): string[] {
  return parts.filter((part): part is string => part !== undefined && part !== '');
}

/** "3 of 4 steps"; empty where there are none. */
export function jobs({ jobs: { finished, total } }: Pick<ShownTask, 'jobs'>): string {
  return total > 0 ? `${count(finished)} of ${many(total, 'step')}` : '';
}

/**
 * What the bar shows: the task's own progress, else that of the step at work. It is `null` where neither is known, and
 * for a task that failed or was cancelled: a step that it broke off counts in its progress as if it were done.
 */
export function share({ progress, current, state }: ShownTask): number | null {
  if (state === 'failed' || state === 'cancelled') return null;
  return progress ?? (state === 'running' ? (current?.share ?? null) : null);
}

/** The title of the page: "68 % · Import orders". */
export function title(task: ShownTask): string {
  const part = task.state === 'running' ? share(task) : null;
  return `${part === null ? stateName(task.state) : percent(part)} · ${plain(task.task_name)}`;
}

/** What a row of a list has behind the word for the state: "68 % · for 11 s". */
export function brief(task: ShownTask, now: number): string {
  switch (task.state) {
    case 'queued':
      return `for ${duration(since(task.created ?? task.updated, now))}`;
    case 'running': {
      const part = share(task);
      return said(doing(task) ?? (part === null ? '' : percent(part)), `for ${duration(since(task.start ?? task.updated, now))}`).join(' · ');
    }
    case 'lost':
      return task.finished ? 'its worker never came back' : `no word for ${duration(since(task.heard ?? task.updated, now))}`;
    case 'expired':
      return 'no worker took it';
    default:
      return task.state !== 'completed' && task.exception !== '' ? plain(task.exception) : ended(task).replace(/^\S+(?: out)? ?/, '');
  }
}

/** "30 Nov, 10:15 UTC": for readers whose own time is not known. */
export function shortUtc(time: string): string {
  return `${Number(time.slice(8, 10))} ${MONTHS[Number(time.slice(5, 7)) - 1]}, ${time.slice(11, 16)} UTC`;
}

/** "10:15" for a time of today, else "30 Nov, 10:15": in the reader's time zone and format. */
export function localTime(time: string, now: number): string {
  const [then, today] = [new Date(time), new Date(now)];
  const clock = { hour: '2-digit', minute: '2-digit' } as const;
  if (then.toDateString() === today.toDateString()) return then.toLocaleTimeString([], clock);
  const isThisYear = then.getFullYear() === today.getFullYear();
  return then.toLocaleString([], { day: 'numeric', month: 'short', ...(isThisYear ? clock : { year: 'numeric' }) });
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The number on a tab: "1,204", "1,000+"; empty where it is not known. Without a state that of all. */
export function countOf(counts: Partial<Record<TaskState, number>> | undefined, capped: readonly TaskState[], state?: TaskState): string {
  if (counts === undefined) return '';
  const states = state === undefined ? STATES : [state];
  const n = states.reduce((sum, each) => sum + (counts[each] ?? 0), 0);
  return `${count(n)}${states.some((each) => capped.includes(each)) ? '+' : ''}`;
}

/** What a filter is called: "started after". Text where it is a word of the form. */
export function filterName(parameter: string): string {
  return FILTERS[parameter]?.[0] ?? parameter.replaceAll('_', ' ');
}

/** What may stand in the field of a filter. */
export function filterHint(parameter: string): string {
  return FILTERS[parameter]?.[1] ?? TIME_HINT;
}

const TIME_HINT = '2026-11-30T10:15Z';
const FILTERS: Readonly<Record<string, readonly [string, string]>> = {
  q: ['Text', 'Name, UUID or error'],
  name: ['Name', 'Import customers, or Import*'],
  attribute: ['Attribute', 'customer=42'],
  error: ['Error', 'words of the error'],
  service: ['Service', 'name of the service'],
  uuid: ['UUID', 'UUID, or its beginning and *'],
  parent: ['Parent', 'UUID of the task around it'],
  started_after: ['Started after', TIME_HINT],
  started_before: ['Started before', TIME_HINT],
  ended_after: ['Ended after', TIME_HINT],
  ended_before: ['Ended before', TIME_HINT],
  queued_after: ['Queued after', TIME_HINT],
  queued_before: ['Queued before', TIME_HINT],
  longer_than: ['Took longer than', '30s, 10m or 2h'],
  order: ['Order', ''],
  limit: ['Tasks a page', ''],
};

/** What is known of a request to cancel; `undefined` where there is none, and after the end. */
export function cancelling({ cancel, finished, state }: ShownTask, now: number): string | undefined {
  if (cancel === null || finished) return undefined;
  const { requested, by, reason, heard } = cancel;
  const who = `${by === null ? '' : ` by ${plain(by)}`}${reason === null ? '' : `: ${plain(reason)}`}`;
  if (heard !== null && state !== 'lost') return `Asked to stop${who}. Its code heard it ${ago(since(heard, now))} and has not ended yet.`;
  const asked = `Asked to stop ${ago(since(requested, now))}${who}.`;
  return state === 'lost' ? `${asked} Its worker is lost: if it comes back, the task stops.` : `${asked} Its code has not heard it yet.`;
}

/** By whom and why it was cancelled: "Cancelled by ada: wrong file"; `undefined` where neither is known. */
export function cancelled({ cancel, state }: ShownTask): string | undefined {
  if (cancel === null || state !== 'cancelled' || (cancel.by === null && cancel.reason === null)) return undefined;
  return `Cancelled${cancel.by === null ? '' : ` by ${plain(cancel.by)}`}${cancel.reason === null ? '' : `: ${plain(cancel.reason)}`}`;
}

/** What stands at the right of a step: how far it is while it runs, how long it took afterwards. */
export function figure(step: ScopeLine, now: number): string {
  const { outcome, start, end, done, total, steps, failed } = step;
  const inside = failed > 0 && outcome !== 'failed' ? `${count(failed)} failed` : steps > 0 && outcome !== 'running' ? many(steps, 'step') : '';
  if (outcome === 'running') {
    const far = total !== null ? `${count(done ?? 0)} / ${count(total)}` : start === null ? '' : duration(since(start, now));
    return said(inside, far).join(' · ');
  }
  const took = start && end ? duration(since(start, Date.parse(end))) : '';
  return said(inside, took).join(' · ');
}

/** Words that stand alone, of scripts and servers. */
export const text = {
  notify: 'Notify me when done',
  notified: 'You will be notified',
  refused: 'The browser does not allow notifications',
  latest: 'Show the end of the log',
  log: 'Log',
  progress: 'Progress',
  copied: 'Copied',
  find: 'Find in the whole log',
  notFound: 'Not found',
  searchFailed: 'The search failed',
  looked: (part: number): string => `${percent(part)} searched…`,
  foundAt: (n: number, all: number, hasMore: boolean): string => `${count(n)} of ${count(all)}${hasMore ? '+' : ''}`,
  wrap: 'Wrap lines',
  times: 'Times',
  whole: 'Load all',
  emptyLog: 'The log is empty so far.',
  earlier: (n: number): string => `Show earlier text, ${bytes(n)}`,
  newLines: (n: number): string => `↓ ${many(n, 'new line')}`,
  moreSteps: (n: number): string => `Show ${many(n, 'step')}`,
  furtherSteps: (n: number): string => `Show ${count(n)} more`,
  opening: 'Connecting…',
  interrupted: 'The connection is interrupted. Trying again…',
  notRead: (why: string): string => `Earlier text can’t be read (${why}). Try again`,
  beginning: 'Show the beginning',
  wholeLarge: (n: number): string => `Load all, slow: ${bytes(n)}`,
  connecting: (seconds: number): string => `The connection is interrupted. Trying again in ${seconds} s; what you see may be old.`,
  newTasks: (n: number): string => `${many(n, 'new task')}: show`,
  deleted: 'Deleted',
  left: 'It does not fit the filter any more.',
} as const;

/** Words that stand alone, of pages as a server makes them: no script has to load them. */
export const labels = {
  tasks: 'Tasks',
  allTasks: 'All tasks',
  backToTask: 'Back to the task',
  cancel: 'Cancel task',
  cancelWhy: 'Reason (others read it)',
  cancelNow: 'Ask it to stop',
  steps: 'Steps',
  allSteps: 'All steps',
  nextSteps: 'The steps after these',
  attempts: 'Attempts',
  reasons: 'Its reasons',
  causedBy: 'caused by',
  lastMessage: 'Last message',
  noMessage: 'No message came before.',
  within: 'in',
  createdAt: 'Created',
  startedAt: 'Started',
  endedAt: 'Ended',
  service: 'Service',
  parent: 'Part of',
  trace: 'Trace',
  missing: 'Updates not received',
  asData: 'As data',
  details: 'Details',
  result: 'Result',
  attempt: 'Attempt',
  copy: 'Copy',
  copyLink: 'Copy link',
  inLog: 'In log',
  asText: 'As text',
  wentWrong: 'What went wrong',
  timedOut: 'It took too long',
  goesOn: 'One step has failed; the task goes on',
  known: 'What is known',
  lostWhy: 'Its process has ended, or its machine is unreachable or asleep. What it did until then is below.',
  all: 'All',
  state: 'State',
  filter: 'Filter',
  filters: 'Filters',
  moreFilters: 'More filters',
  clear: 'Clear',
  withoutFilter: (filter: string): string => `Without the filter ${filter}`,
  wrongFilter: 'This filter is not right',
  newestFirst: 'Newest first',
  oldestFirst: 'Oldest first',
  hourAgo: 'an hour ago',
  dayAgo: 'a day ago',
  weekAgo: 'a week ago',
  pages: 'Pages',
  onPage: (n: number): string => `${many(n, 'task')} on this page`,
  older: 'Older tasks',
  newer: 'Newer tasks',
  toNewest: 'Newest tasks',
  toOldest: 'Oldest tasks',
  searchFurther: 'Search further',
  searchedTo: (time: string): string => `The tasks since ${time} have been searched.`,
  noneSince: (time: string): string => `No task since ${time} fits this filter. Older ones have not been searched yet.`,
  noneFits: 'No task fits this filter.',
  noneOlder: 'There are no more tasks here.',
  noneYet: 'No task has been seen yet. Start one, and it appears here.',
  showAll: 'Show all tasks',
  notYet: { title: 'This task is not here yet', detail: 'It has not begun, or its first message is still on its way. This page looks for it again by itself.' },
} as const;

/**
 * What a page shows instead of a task or a list that can't be shown.
 *
 * @param isTask Whether it is the page of a task.
 */
export function trouble(status: number, isTask: boolean): { title: string; detail: string } {
  switch (status) {
    case 400:
      return { title: 'This address is not right', detail: 'Something in it is misspelled or missing.' };
    case 401:
      return { title: 'A password is needed', detail: 'This server asks for its token as the password; the user name can be anything.' };
    case 403:
      return { title: 'This is not allowed', detail: 'The server does not answer to this address or to the page that led here.' };
    case 404:
      if (!isTask) return { title: 'There is nothing here', detail: 'The address is cut short or misspelled.' };
      return { title: 'There is no such task', detail: 'It may have been deleted, or the address is cut short.' };
    case 409:
      return { title: 'That is not possible now', detail: 'The task has changed meanwhile.' };
    case 503:
      return { title: 'The tasks can’t be read', detail: 'The store does not answer just now; the tasks themselves go on. This page tries again by itself.' };
    default:
      return { title: 'This did not work', detail: 'The server could not answer.' };
  }
}
