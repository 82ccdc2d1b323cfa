import type { CurrentScope, TaskState, TaskSummary } from '../../../src/task-record.ts';
import { STATES, brief, countOf, filterHint, filterName, labels, plain, share, shortUtc, stateName, text } from '../../../src/client/words.ts';
import { icon } from './icons.ts';
import { changed, FIELDS, fieldValues, filtersIn, listUrl } from './list-query.ts';
import { flag, html, own } from './markup.ts';
import type { Html } from './markup.ts';
import { page } from './shell.ts';

/** A task as a row shows it. */
export type ListedTask = TaskSummary & { readonly current?: CurrentScope | null };

/** What the list's page shows. */
interface ListPage {
  /** The parameters of its URL. */
  readonly search: URLSearchParams;
  readonly tasks: readonly ListedTask[];
  /** How many tasks of each state fit the other filters; those of `capped` are more than that. Absent: not known. */
  readonly counts: Partial<Record<TaskState, number>> | undefined;
  readonly capped: readonly TaskState[];
  /** Cursor of the next page. */
  readonly next: string | undefined;
  /** Up to which time it has searched, where that was not to the end of the store. */
  readonly searchedTo?: string | undefined;
  /** What is wrong with the search, for a person to read. */
  readonly fault?: string | undefined;
  readonly now: number;
}

/** The page of the list: complete without a script; `src/client/list-page.ts` keeps it current. */
export function listPage(shown: ListPage): Html {
  const { search, tasks, now, fault } = shown;
  const states = (search.get('state') ?? '').split(',').filter((state) => (STATES as readonly string[]).includes(state)) as TaskState[];
  const isFirst = !search.has('cursor');
  const found = tasks.length === 0 ? nothing(shown) : html`<ul class="tasks">${tasks.map((task) => row(task, now))}</ul>`;
  const wrong = html`<section class="failure" role="alert"><h2>${labels.wrongFilter}</h2><p class="error">${fault}</p></section>`;
  const body = html`<div class="listing" data-now="${now}"${flag('data-newest', isFirst && search.get('order') !== 'oldest')}${flag('data-whole', shown.next === undefined)}>
${fault === undefined ? '' : wrong}
<header class="top"><h1>${labels.tasks}</h1>${form(search, states, now, fault !== undefined)}</header>
${chips(search)}
${tabs(shown, states)}
<p role="status" class="vh"></p>
${fault === undefined ? html`${found}${foot(shown, isFirst)}` : ''}
<p class="connection" hidden></p>
<p class="news" hidden><a href="${listUrl(changed(search, {}))}"></a></p>
</div>`;
  return page({ title: titleOf(states), base: 'tasks/', isList: true, icon: states.length === 1 ? states[0]! : 'running', body, ...(fault === undefined && { script: 'list-page' }) });
}

function titleOf(states: readonly TaskState[]): string {
  return states.length === 0 ? labels.tasks : `${states.map(stateName).join(', ')} · ${labels.tasks}`;
}

/** The filter: one field for most, all others behind "More filters". It writes the URL. */
function form(search: URLSearchParams, states: readonly TaskState[], now: number, isOpen: boolean): Html {
  const fields = FIELDS.flatMap((name) => {
    const values = fieldValues(search, name);
    // One more attribute may be added to those that are there.
    return (values.length === 0 || name === 'attribute' ? [...values, ''] : values).map((value) => field(name, value));
  });
  return html`<form class="filter" method="get" action="tasks" role="search">
${states.length === 0 ? '' : html`<input type="hidden" name="state" value="${states.join(',')}">`}
<input type="search" name="q" value="${search.get('q') ?? ''}" placeholder="${filterHint('q')}" aria-label="${filterHint('q')}" aria-keyshortcuts="/">
<button>${labels.filter}</button>
<details class="further"${flag('open', isOpen)}><summary>${labels.moreFilters}</summary>
<div class="fields">${fields}
${choice('order', search, [['', labels.newestFirst], ['oldest', labels.oldestFirst]])}
${choice('limit', search, [['', '50'], ['100', '100'], ['200', '200']])}
<button>${labels.filter}</button></div>
<datalist id="times">${TIMES.map(([hours, label]) => html`<option value="${new Date(now - hours * 3_600_000).toISOString().slice(0, 16)}Z" label="${label}"></option>`)}</datalist>
</details></form>`;
}

/** What the fields for times propose. */
const TIMES: readonly (readonly [number, string])[] = [[1, labels.hourAgo], [24, labels.dayAgo], [168, labels.weekAgo]];

function field(name: string, value: string): Html {
  const isTime = /_(?:after|before)$/.test(name);
  return html`<label>${filterName(name)}<input name="${name}" value="${value}" placeholder="${filterHint(name)}"${flag('list="times"', isTime)} autocomplete="off" spellcheck="false"></label>`;
}

function choice(name: string, search: URLSearchParams, options: readonly (readonly [string, string])[]): Html {
  const chosen = search.get(name) ?? '';
  const known = options.some(([value]) => value === chosen) ? options : [...options, [chosen, chosen] as const];
  return html`<label>${filterName(name)}<select name="${name}">${known.map(([value, label]) => html`<option value="${value}"${flag('selected', value === chosen)}>${label}</option>`)}</select></label>`;
}

/** What the list is filtered by, and links that take a filter away. */
function chips(search: URLSearchParams): Html | '' {
  const filters = filtersIn(search);
  if (filters.length === 0) return '';
  return html`<ul class="chips" aria-label="${labels.filters}">${filters.map(({ label, value, without }) => html`<li><span class="quiet">${own(label)}</span> ${own(value)}<a href="${listUrl(without)}" aria-label="${labels.withoutFilter(`${plain(label)} ${plain(value)}`)}">×</a></li>`)}
<li class="clear"><a href="${listUrl(cleared(search))}">${labels.clear}</a></li></ul>`;
}

function cleared(search: URLSearchParams): URLSearchParams {
  const state = search.get('state');
  return new URLSearchParams(state === null ? {} : { state });
}

/** A tab for each state, with the number of its tasks. */
function tabs({ search, counts, capped }: ListPage, states: readonly TaskState[]): Html {
  const tab = (state: TaskState | undefined): Html => {
    const isHere = state === undefined ? states.length === 0 : states.includes(state);
    const figure = countOf(counts, capped, state);
    return html`<a href="${listUrl(changed(search, { state }))}" data-state="${state ?? 'all'}"${flag('aria-current="page"', isHere)}>${state === undefined ? labels.all : html`${icon(state, 'hidden')}${stateName(state)}`} <span class="figure small">${figure}</span></a>`;
  };
  // Most people never meet an expired task.
  const shown = STATES.filter((state) => state !== 'expired' || states.includes(state) || (counts?.[state] ?? 0) > 0);
  return html`<nav class="tabs" aria-label="${labels.state}">${tab(undefined)}${shown.map(tab)}</nav>`;
}

/** A row: the task's state in shape and word, its name, what it does now, how far it is, and when it came. */
function row(task: ListedTask, now: number): Html {
  const { task_uuid: uuid, task_name: name, state, created, updated } = task;
  const part = share(task);
  return html`<li id="t-${uuid}" data-state="${state}"${task.finished ? '' : html` data-task="${JSON.stringify(liveFields(task))}"`}>${icon(state, 'hidden')}<a class="name" href="tasks/${uuid}">${own(name)}</a>
<span class="what"><span class="state">${stateName(state)}</span> <bdi class="brief">${brief(task, now)}</bdi></span>
<progress max="1" value="${part ?? 0}" aria-label="${text.progress}"${flag('hidden', part === null || state !== 'running')}></progress>
<time datetime="${created ?? updated}">${shortUtc(created ?? updated)}</time></li>`;
}

/** What a row needs to count on the time of a task that goes on. */
function liveFields({ state, finished, created, updated, start, heard, current, progress }: ListedTask): Partial<ListedTask> {
  return { state, finished, created, updated, start, heard, progress, ...(current !== undefined && { current }) };
}

/** Why there is no task here: never the same words for an empty store, and for a filter that nothing fits. */
function nothing({ search, searchedTo, next }: ListPage): Html {
  if (searchedTo !== undefined && next !== undefined) return html`<p class="empty">${labels.noneSince(shortUtc(searchedTo))}</p>`;
  const isFiltered = filtersIn(search).length > 0 || search.has('state');
  if (search.has('cursor')) return html`<p class="empty">${labels.noneOlder}</p>`;
  if (!isFiltered) return html`<p class="empty">${labels.noneYet}</p>`;
  return html`<p class="empty">${labels.noneFits} <a href="tasks">${labels.showAll}</a></p>`;
}

/** How many tasks are here, and the way to the others. */
function foot({ search, tasks, next, searchedTo }: ListPage, isFirst: boolean): Html {
  const isShort = searchedTo !== undefined && next !== undefined;
  const older = isShort ? labels.searchFurther : search.get('order') === 'oldest' ? labels.newer : labels.older;
  return html`<nav class="foot spread small" aria-label="${labels.pages}"><span class="quiet">${tasks.length === 0 ? '' : labels.onPage(tasks.length)}${isShort && tasks.length > 0 ? ` ${labels.searchedTo(shortUtc(searchedTo))}` : ''}</span>
<span class="ways">${isFirst ? '' : html`<a href="${listUrl(changed(search, {}))}">‹ ${search.get('order') === 'oldest' ? labels.toOldest : labels.toNewest}</a>`}${next === undefined ? '' : html`<a rel="next" href="${listUrl(changed(search, { cursor: next }))}">${older} ›</a>`}</span></nav>`;
}
