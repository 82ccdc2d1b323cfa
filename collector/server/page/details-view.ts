import { labels, plain } from '../../../src/client/words.ts';
import { html, own, time } from './markup.ts';
import type { Html } from './markup.ts';
import type { TaskPageData } from './page-data.ts';

/** Result, attributes, times and ids: what is looked up. */
export function detailsView({ task, settings: { traceUrl } }: TaskPageData): Html {
  const result = task.result === null ? undefined : plain(JSON.stringify(task.result, null, 2));
  return html`<section class="facts" part="details" aria-label="${labels.details}">${result === undefined ? '' : resultView(result)}
<div class="spread"><h2>${labels.details}</h2><button type="button" class="plain" data-copy hidden>${labels.copyLink}</button></div><dl>
${Object.entries(task.attributes).map(([key, value]) => html`<dt>${own(key)}</dt><dd>${own(typeof value === 'string' ? value : JSON.stringify(value))}</dd>`)}
${timeRow(labels.createdAt, task.created === task.start ? null : task.created)}${timeRow(labels.startedAt, task.start)}${timeRow(labels.endedAt, task.end)}
${task.service_name === null ? '' : html`<dt>${labels.service}</dt><dd>${own(task.service_name)}</dd>`}
${task.parent_task_uuid === null ? '' : html`<dt>${labels.parent}</dt><dd><a href="${task.parent_task_uuid}">${task.parent_task_uuid}</a></dd>`}
<dt>UUID</dt><dd>${task.task_uuid} <button type="button" class="plain" data-copy="${task.task_uuid}" hidden>${labels.copy}</button></dd>
${task.trace_id === null ? '' : html`<dt>${labels.trace}</dt><dd>${traceUrl === undefined ? task.trace_id : html`<a href="${traceUrl.replaceAll('{trace_id}', task.trace_id)}">${task.trace_id}</a>`}</dd>`}
${task.facts_missing === 0 ? '' : html`<dt>${labels.missing}</dt><dd>${task.facts_missing}</dd>`}
<dt>${labels.asData}</dt><dd><a href="?as=json">JSON</a></dd></dl></section>`;
}

function resultView(result: string): Html {
  return html`<div class="spread"><h2>${labels.result}</h2><button type="button" class="plain" data-copy="${result}" hidden>${labels.copy}</button></div><pre tabindex="0" aria-label="${labels.result}">${`\n${result}`}</pre>`;
}

function timeRow(label: string, iso: string | null): Html | '' {
  return iso === null ? '' : html`<dt>${label}</dt><dd>${time(iso)}</dd>`;
}
