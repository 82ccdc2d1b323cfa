import type { ScopeNode, TaskSummary } from '../task-record.ts';
import { ANNOUNCE_MS, copyText, hide, localTimes, make, one, put, putConnection, putIcon, putShare } from './dom.ts';
import type { TaskspanLog } from './log-element.ts';
import { patchSteps } from './step-rows.ts';
import { adoptStyle, TaskElement } from './task-source.ts';
import type { TaskSource } from './task-source.ts';
import { watchTask } from './watch-task.ts';
import type { TaskSnapshot, TaskWatch } from './watch-task.ts';
import { cancelling, headline, jobs, percent, share, text, trouble } from './words.ts';

/** Nobody reads faster, and it costs a third of what each change by itself would. */
const SHOW_MS = 100;
const SHOW_HIDDEN_MS = 1000;
/** What the server makes anew comes at most so often. */
const RENEW_MS = 2000;
/** When a page that could not be read is asked for again. */
const AGAIN_MS = 4000;

/**
 * `<taskspan-task src>`: a task with its steps and its log. On the server's own page its inside is there already; in any
 * other page it takes its inside, and the style of it, from the server. It changes nothing outside itself.
 */
export class TaskspanTask extends TaskElement {
  #source: TaskSource | undefined;
  #watch: TaskWatch | undefined;
  #snapshot: TaskSnapshot | undefined;
  /** What is shown: the page's own, until the stream knows better. */
  #task: TaskSummary | undefined;
  /** How far the clock of the server is ahead of this one, in milliseconds. */
  #ahead = 0;
  #timer = 0;
  #clock = 0;
  #announced = 0;
  #renewed = 0;
  #kind = '';
  #asked = new Map<string, ScopeNode[]>();
  /** Whether the step at work was in sight when the list was scrolled last: then the next one comes into sight by itself. */
  #followsSteps = true;
  #isOver = false;
  #listensTo: ParentNode | undefined;

  protected override start(): void {
    const { source } = this;
    if (source === undefined) return;
    this.#source = source;
    if (this.firstElementChild !== null) this.#begin(this);
    else void this.#adopt(source, this.shadowRoot ?? this.attachShadow({ mode: 'open' }));
  }

  protected override stop(): void {
    this.#watch?.close();
    clearTimeout(this.#timer);
    clearInterval(this.#clock);
    this.#source = this.#watch = this.#snapshot = this.#task = undefined;
    this.#timer = this.#announced = this.#renewed = 0;
    this.#isOver = false;
    this.#asked.clear();
  }

  get #root(): ParentNode {
    return this.shadowRoot ?? this;
  }

  get #now(): number {
    return Date.now() + this.#ahead;
  }

  /** Takes its inside from the server, as often as it takes. */
  async #adopt(source: TaskSource, root: ShadowRoot): Promise<void> {
    await adoptStyle(root, source);
    const state = make('p', 'opening', text.opening);
    root.replaceChildren(state);
    while (this.#source === source) {
      try {
        const page = await pageOf(source, '?embed=1');
        if (this.#source !== source) return;
        const inside = one(page, 'taskspan-task')!;
        this.dataset['state'] = inside.dataset['state'] ?? '';
        root.replaceChildren(one(page, 'svg.icons')!, ...inside.childNodes);
        this.#begin(root);
        return;
      } catch (error) {
        const { status = 0 } = error as { status?: number };
        if (this.#source !== source) return;
        const isFinal = status >= 400 && status < 500 && status !== 429;
        put(state, isFinal ? trouble(status, true).title : text.interrupted);
        if (isFinal) return;
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  }

  #begin(root: ParentNode): void {
    const source = this.#source!;
    const head = one(root, '[data-task]')!;
    this.#task = JSON.parse(head.dataset['task']!) as TaskSummary;
    const ahead = Number(head.dataset['now']) - pageTime();
    this.#ahead = Math.abs(ahead) > 2000 ? ahead : 0;
    this.#kind = kindOf(this.#task);
    const log = one<TaskspanLog>(root, 'taskspan-log');
    if (log !== null) log.from = source;
    this.#renewParts(root);
    this.#listen(root);
    toUrgent(one(root, '.steps'));
    if (this.#task.finished) {
      this.#over();
      return;
    }
    this.#watch = watchTask(source.url, { ...source.options, scopes: true });
    this.#watch.subscribe(() => this.#later());
    this.#clock = setInterval(() => document.hidden || this.#show(), 1000);
  }

  /** Shows soon what has changed: several changes at once. */
  #later(): void {
    this.#timer ||= setTimeout(() => {
      this.#timer = 0;
      this.#show();
    }, document.hidden ? SHOW_HIDDEN_MS : SHOW_MS);
  }

  #show(): void {
    const watch = this.#watch;
    if (watch === undefined) return;
    const root = this.#root;
    const snapshot = watch.getSnapshot();
    const before = this.#snapshot;
    this.#snapshot = snapshot;
    if (snapshot.task !== undefined) this.#task = snapshot.task;
    const task = this.#task!;
    this.#showHead(root, task);
    putConnection(one(root, '.connection'), snapshot, trouble(snapshot.error?.status ?? 0, true).title);
    if (snapshot.task !== undefined && snapshot.log !== before?.log) one<TaskspanLog>(root, 'taskspan-log')?.follow(snapshot.log, task.log_lines);
    this.#showSteps(root);
    if (kindOf(task) !== this.#kind) void this.#renew(root, task);
    if (snapshot.connection === 'ended') this.#over();
    this.#reportChange();
  }

  #showHead(root: ParentNode, task: TaskSummary): void {
    const { lead, rest } = headline(task, this.#now);
    put(one(root, '.lead bdi'), lead);
    put(one(root, '.rest'), rest.join(' · '));
    putIcon(one(root, '.head .icon'), task.state);
    if (this.dataset['state'] !== task.state) this.dataset['state'] = task.state;
    const part = share(task);
    const bar = one(root, '.progress');
    hide(bar, part === null);
    putShare(bar, part);
    put(one(root, '.jobs'), jobs(task));
    hide(one(root, '.cancel'), !task.cancellable || task.cancel !== null);
    const note = cancelling(task, this.#now);
    hide(one(root, '.note'), note === undefined);
    if (note !== undefined) put(one(root, '.note'), note);
    // A screen reader hears it at most once in ten seconds, and the end at once.
    if (!task.finished && Date.now() - this.#announced < ANNOUNCE_MS) return;
    this.#announced = Date.now();
    put(one(root, '[role=status]'), `${lead}${part === null || task.finished ? '' : `, ${percent(part)}`}`);
  }

  #showSteps(root: ParentNode): void {
    const list = one(root, '.steps[data-live]');
    if (list === null) return;
    const before = atWork(list);
    this.#patchSteps(list, this.#snapshot?.attempts.at(-1));
    const now = atWork(list);
    // Nothing moves under the pointer.
    if (this.#followsSteps && now !== undefined && now !== before && !list.matches(':hover')) toSight(list, now);
  }

  #patchSteps(list: HTMLElement | null, around: ScopeNode | undefined): void {
    const template = one<HTMLTemplateElement>(this.#root, 'template.step')?.content.firstElementChild;
    if (list === null || around === undefined || !template) return;
    patchSteps(list, around, { now: this.#now, isLost: this.#task!.state === 'lost', template: template as HTMLElement, asked: this.#asked });
  }

  /** What has no place of its own in the page is made by the server, in one way for all. */
  async #renew(root: ParentNode, task: TaskSummary): Promise<void> {
    const wait = this.#renewed + RENEW_MS - Date.now();
    if (wait > 0 && !task.finished) return;
    this.#renewed = Date.now();
    this.#kind = kindOf(task);
    try {
      const page = await pageOf(this.#source!, this.shadowRoot === null ? '?before=0' : '?embed=1&before=0');
      for (const part of ['.failure', '.facts', '.attempts', '.actions']) {
        const [fresh, old] = [one(page, part), one(root, part)];
        if (part === '.attempts' && old === null && fresh !== null) one(root, '.steps')?.before(fresh);
        else if (part === '.actions' && fresh === null) hide(old, true);
        else if (part !== '.actions' && fresh !== null) old?.replaceWith(fresh);
      }
      this.#renewParts(root);
    } catch {
      // The stream shows that the server is unreachable; the next look tries again.
      this.#kind = '';
    }
  }

  /** What a script adds to parts that the server has made. */
  #renewParts(root: ParentNode): void {
    localTimes(root);
    for (const button of root.querySelectorAll<HTMLButtonElement>('[data-copy], .in-log')) button.hidden = false;
  }

  #listen(root: ParentNode): void {
    if (this.#listensTo === root) return;
    this.#listensTo = root;
    const node = root as HTMLElement;
    node.addEventListener('click', (event) => {
      const target = event.target as Element;
      const summary = target.closest('summary');
      // What a person has opened or closed stays so.
      if (summary !== null) summary.parentElement!.dataset['kept'] = '';
      const button = target.closest<HTMLButtonElement>('button');
      if (button?.dataset['copy'] !== undefined) void copied(button);
      if (button?.dataset['offset'] !== undefined) void one<TaskspanLog>(root, 'taskspan-log')?.reveal({ offset: Number(button.dataset['offset']), bytes: Number(button.dataset['bytes']) });
      const more = target.closest<HTMLAnchorElement>('.more a');
      if (more !== null && !more.href.includes('cursor=') && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
        event.preventDefault();
        void this.#more(new URL(more.href).searchParams.get('of')!);
      }
      const crumb = target.closest<HTMLAnchorElement>('.crumbs a');
      if (crumb !== null) reach(root, crumb.hash.slice(1));
    });
    node.addEventListener('scroll', ({ target }) => {
      const list = target as HTMLElement;
      const row = list.matches('.steps') ? atWork(list) : undefined;
      if (row !== undefined) this.#followsSteps = isInSight(list, row);
    }, { capture: true, passive: true });
    // An opened step is brought up to date; one of which the page has nothing yet asks for it.
    node.addEventListener('toggle', (event) => {
      const details = event.target as HTMLDetailsElement;
      const list = one(details, ':scope > ul');
      if (!details.open || list === null) return;
      if (list.firstElementChild === null || list.firstElementChild.matches('.more')) void this.#more(list.dataset['of']!);
      else this.#showSteps(root);
    }, true);
  }

  /** Asks for the steps inside one, and shows all of them. */
  async #more(of: string): Promise<void> {
    const source = this.#source!;
    const steps: ScopeNode[] = [];
    try {
      for (let cursor: string | null = ''; cursor !== null && steps.length < MOST_STEPS;) {
        const response: Response = await source.read(`/scopes?of=${of}&limit=500${cursor === '' ? '' : `&cursor=${cursor}`}`, 'application/json');
        const page = (await response.json()) as { scopes: ScopeNode[]; next: string | null };
        steps.push(...page.scopes);
        cursor = page.next;
      }
    } catch {
      return;
    }
    this.#asked.set(of, steps);
    const root = this.#root;
    const around = this.#around(of) ?? { span_id: of, steps: steps.reduce((sum, step) => sum + 1 + step.steps, 0), scopes: steps };
    this.#patchSteps(one(root, `ul[data-of="${of}"]`) ?? one(root, '.steps'), around as ScopeNode);
  }

  /** A step that the stream knows. */
  #around(spanId: string, among: readonly ScopeNode[] = this.#snapshot?.attempts ?? []): ScopeNode | undefined {
    for (const step of among) {
      const found = step.span_id === spanId ? step : this.#around(spanId, step.scopes);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#clock);
    hide(one(this.#root, '.actions'), true);
    this.dispatchEvent(new CustomEvent('taskspan-end', { detail: this.#task, bubbles: true, composed: true }));
  }

  /** Title and icon are those of the page around it. */
  #reportChange(): void {
    this.dispatchEvent(new CustomEvent('taskspan-change', { detail: this.#task, bubbles: true, composed: true }));
  }
}

/** The most steps of one list that a page asks for; the rest is behind a link. */
const MOST_STEPS = 2000;

/** What of a task is shown in parts that the server makes: when it is another, they are made anew. */
function kindOf({ state, finished, outcome, exception, attempt, cancel }: TaskSummary): string {
  return JSON.stringify([state, finished, outcome, exception, attempt, finished && cancel]);
}

async function pageOf(source: TaskSource, query: string): Promise<Document> {
  const response = await source.read(query, 'text/html');
  return new DOMParser().parseFromString(await response.text(), 'text/html');
}

/** When the page was made, by the clock of this machine. */
function pageTime(): number {
  const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
  return performance.timeOrigin + (navigation?.responseStart ?? 0);
}

async function copied(button: HTMLButtonElement): Promise<void> {
  const before = button.textContent;
  await copyText(button.dataset['copy'] || location.href);
  put(button, text.copied);
  setTimeout(() => put(button, before), 1500);
}

/** Brings the step into sight that runs or has failed. */
function toUrgent(list: HTMLElement | null): void {
  const row = list && one(list, 'li:is([data-state=running], [data-state=failed], [data-state=lost]):has(> .row)');
  if (list && row) toSight(list, row);
}

/** The row of the last step that runs and has none inside it. */
function atWork(list: HTMLElement): HTMLElement | undefined {
  return [...list.querySelectorAll<HTMLElement>('li[data-state=running]:has(> .row)')].at(-1);
}

function isInSight(list: HTMLElement, row: HTMLElement): boolean {
  const [{ top, bottom }, around] = [row.getBoundingClientRect(), list.getBoundingClientRect()];
  return bottom > around.top && top < around.bottom;
}

/** Scrolls down to a row, so far that it is in sight. Only the list scrolls, never the page around it. */
function toSight(list: HTMLElement, row: HTMLElement): void {
  list.scrollTop += Math.max(0, row.getBoundingClientRect().bottom - list.getBoundingClientRect().bottom + 8);
}

/** Opens what is around a step, so that a link to it leads there. */
function reach(root: ParentNode, id: string): void {
  for (let around = one(root, `#${id}`)?.closest('details'); around; around = around.parentElement?.closest('details')) around.open = true;
}
