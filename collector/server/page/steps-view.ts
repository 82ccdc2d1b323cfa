import { isUrgent, leftOut, noteOf, shownOf, shownState } from '../../../src/client/steps.ts';
import { figure, jobs, labels, plain, text } from '../../../src/client/words.ts';
import type { ScopeNode, TaskState } from '../../../src/task-record.ts';
import { icon } from './icons.ts';
import { flag, html, own, raw } from './markup.ts';
import type { Html } from './markup.ts';
import type { TaskPageData } from './page-data.ts';

/** The steps of one attempt as a tree: what runs or has failed is open, what is done is closed. */
export function stepsView({ task, attempts, shown, next, query, now }: TaskPageData): Html {
  const isLost = task.state === 'lost';
  const isLive = query.of === undefined && shown?.span_id === attempts.at(-1)?.span_id;
  const isOfStep = query.of !== undefined && shown !== undefined;
  return html`<section class="tree" part="steps" aria-label="${labels.steps}"><div class="spread"><h2>${isOfStep && shown.name !== '' ? own(shown.name) : labels.steps}</h2>${isOfStep ? html`<a class="small" href="${task.task_uuid}">${labels.allSteps}</a>` : html`<span class="small quiet jobs">${jobs(task)}</span>`}</div>
${attempts.length > 1 ? attemptsView(attempts, shown, now) : ''}
<ul class="steps" tabindex="0" aria-label="${labels.steps}"${flag('data-live', isLive)}>${shown === undefined ? '' : isOfStep ? pageOfRows(shown, next, now, isLost) : rowsView(shown, now, isLost)}</ul></section>`;
}

function attemptsView(attempts: readonly ScopeNode[], shown: ScopeNode | undefined, now: number): Html {
  return html`<nav class="attempts small" aria-label="${labels.attempts}"><span class="quiet">${labels.attempt}</span>${attempts.map(
    (attempt) => html`<a href="?attempt=${attempt.attempt}" title="${figure(attempt, now)}"${attempt.span_id === shown?.span_id ? raw(' aria-current="true"') : ''}>${icon(shownState(attempt))}${attempt.attempt}</a>`,
  )}</nav>`;
}

/** The rows of one page of the steps inside one. */
function pageOfRows(around: ScopeNode, next: string | undefined, now: number, isLost: boolean): Html[] {
  const rows = shownOf(around.scopes, true).map((step) => rowView(step, now, isLost));
  if (next !== undefined) rows.push(html`<li class="more"><a href="?of=${around.span_id}&cursor=${next}">${labels.nextSteps}</a></li>`);
  return rows;
}

/** The rows of the steps inside one. A link leads to those that are left out. */
function rowsView(around: ScopeNode, now: number, isLost: boolean): Html[] {
  const shown = shownOf(around.scopes);
  const out = leftOut({ ...around, scopes: [...shown] });
  const rows = shown.map((step) => rowView(step, now, isLost));
  if (out > 0) rows.push(html`<li class="more"><a href="?of=${around.span_id}">${rows.length === 0 ? text.moreSteps(out) : text.furtherSteps(out)}</a></li>`);
  return rows;
}

function rowView(step: ScopeNode, now: number, isLost: boolean): Html {
  const state = shownState(step, isLost);
  const row = html`${icon(state)}<span class="name">${own(step.name)}</span><span class="figure">${figure(step, now)}</span>`;
  const words = noteOf(step);
  const note = words === undefined ? '' : html`<p class="${step.error === null ? 'said' : 'said error'}">${own(words)}</p>`;
  const head = html`id="s-${step.span_id}" data-state="${state}"`;
  if (step.steps === 0) return html`<li ${head}><div class="row">${row}</div>${note}</li>`;
  return html`<li ${head}><details${flag('open', isUrgent(step))}><summary>${row}</summary>${note}<ul data-of="${step.span_id}">${rowsView(step, now, isLost)}</ul></details></li>`;
}

/** A row without content: a script fills copies of it. */
export function stepTemplate(): Html {
  const state: TaskState = 'running';
  return html`<template class="step"><li data-state="${state}"><div class="row">${icon(state)}<span class="name"><bdi>${plain('')}</bdi></span><span class="figure"></span></div></li></template>`;
}
