import { cancelled, labels, plain } from '../../../src/client/words.ts';
import type { ScopeNode } from '../../../src/task-record.ts';
import { flag, html, own } from './markup.ts';
import type { Html } from './markup.ts';
import type { TaskPageData } from './page-data.ts';

/** How many characters of a message are shown; the log has all of it. */
const MESSAGE_CHARACTERS = 2000;

/** What went wrong, with its reasons and the steps around it, before anything has to be opened; empty where nothing did. */
export function failureView(data: TaskPageData): Html {
  const { task } = data;
  if (task.state === 'lost') return lostView(data);
  const stopped = cancelled(task);
  if (stopped !== undefined) return html`<section class="failure stopped" part="failure" aria-label="${labels.known}"><p>${own(stopped)}</p></section>`;
  // An expired task has no error: its headline says it all.
  if (task.exception === '' || task.state === 'completed' || task.state === 'expired') return html`<section class="failure" part="failure"></section>`;
  const { error } = task;
  const message = error === null ? task.exception : errorText(error);
  const heading = task.outcome === 'timed_out' ? labels.timedOut : task.finished ? labels.wentWrong : labels.goesOn;
  return html`<section class="failure" part="failure" aria-label="${heading}"><div class="spread"><h2>${heading}</h2><span>${inLogView(error?.log_offset ?? null)}<button type="button" class="plain" data-copy="${message}" hidden>${labels.copy}</button></span></div>
<p class="error" tabindex="0">${own(message.slice(0, MESSAGE_CHARACTERS))}</p>
${causesView(error?.causes ?? [])}
${error === null ? '' : pathView(error.path, error.span_id)}</section>`;
}

/** Bytes of the line at which an error's lines begin: `\t\tFailed`. */
const FAILED_BYTES = 8;

function inLogView(offset: number | null): Html | '' {
  return offset === null ? '' : html`<button type="button" class="plain in-log" data-offset="${offset}" data-bytes="${FAILED_BYTES}" hidden>${labels.inLog}</button>`;
}

/** A task is lost: what is known of it. */
function lostView({ attempts }: TaskPageData): Html {
  const last = lastOf(attempts.at(-1));
  const where = last === undefined ? '' : html`${labels.lastMessage}: ${own(last.message)}${last.path.length === 0 ? '' : html`, ${labels.within} ${own(last.path.join(' › '))}`}.`;
  return html`<section class="failure lost" part="failure" aria-label="${labels.known}"><h2>${labels.known}</h2><p>${where === '' ? labels.noMessage : where}</p><p class="small quiet">${labels.lostWhy}</p></section>`;
}

/** The latest notification of an attempt, and the names of the steps around it. */
function lastOf(scope: ScopeNode | undefined, path: readonly string[] = []): { time: string; message: string; path: readonly string[] } | undefined {
  if (scope === undefined) return undefined;
  const here = scope.last === null ? undefined : { ...scope.last, path };
  const inside = scope.scopes.map((inner) => lastOf(inner, [...path, inner.name]));
  return [here, ...inside].reduce((latest, each) => (latest === undefined || (each !== undefined && each.time > latest.time) ? each : latest), undefined);
}

function causesView(causes: readonly { name: string; message: string }[]): Html | '' {
  if (causes.length === 0) return '';
  return html`<ul class="causes small" aria-label="${labels.reasons}">${causes.map((cause) => html`<li>${labels.causedBy} ${own(errorText(cause).slice(0, MESSAGE_CHARACTERS))}</li>`)}</ul>`;
}

/** The steps around the error, outermost first; the last one leads to its row. */
function pathView(path: readonly string[], spanId: string): Html | '' {
  if (path.length === 0) return '';
  const last = path.length - 1;
  return html`<ul class="crumbs small" aria-label="${labels.steps}">${path.map((name, at) => html`<li${flag('class="at"', at === last)}>${at === last ? html`<a href="#s-${spanId}">${own(name)}</a>` : own(name)}</li>`)}</ul>`;
}

function errorText({ name, message }: { name: string; message: string }): string {
  return message === '' ? plain(name) : `${plain(name)}: ${plain(message)}`;
}
