import { cancelling, headline, labels, percent, share, text } from '../../../src/client/words.ts';
import { icon } from './icons.ts';
import { flag, html, own } from './markup.ts';
import type { Html } from './markup.ts';
import type { TaskPageData } from './page-data.ts';

/** What a person who waits reads first: the name, what happens now, since when, how far; and what can be done. */
export function headView({ task, query: { embed }, now }: TaskPageData): Html {
  const { lead, rest } = headline(task, now);
  // What stays on the page: not what it shows in another place, however long that is.
  const { result: _, attributes: __, exception_causes: ___, ...live } = task;
  return html`<header class="head" part="head" data-task="${JSON.stringify(live)}" data-now="${now}">${icon(task.state)}<h1 part="name">${own(task.task_name)}</h1>
<div class="now"><p class="lead" part="lead"><bdi>${lead}</bdi></p><p class="rest small" part="rest">${rest.join(' · ')}</p>
${barView(share(task), task.finished && (task.state === 'completed' || task.progress === null))}</div>
${embed || task.finished ? '' : actionsView(task.task_uuid, task.cancellable && task.cancel === null)}</header>
<p role="status" class="vh"></p>
<p class="connection" part="connection" hidden></p>
${noteView(cancelling(task, now))}`;
}

/** The bar and its number; hidden where nothing is known, absent where it has nothing to say any more. */
function barView(part: number | null, isOver: boolean): Html | '' {
  if (isOver) return '';
  return html`<div class="progress"${flag('hidden', part === null)}><progress part="bar" aria-label="${text.progress}" max="1" value="${part ?? 0}"></progress><span class="percent" part="percent">${percent(part ?? 0)}</span></div>`;
}

/** Cancelling is two steps, so that no slip of a finger stops a task. */
function actionsView(uuid: string, cancellable: boolean): Html {
  return html`<div class="actions"><button type="button" class="notify" hidden>${text.notify}</button><details class="cancel"${flag('hidden', !cancellable)}><summary class="button">${labels.cancel}</summary><form method="post" action="${uuid}/cancel"><label><span class="small quiet">${labels.cancelWhy}</span><input name="reason" maxlength="1000" autocomplete="off"></label><button>${labels.cancelNow}</button></form></details></div>`;
}

function noteView(note: string | undefined): Html {
  return html`<p class="note" part="note"${flag('hidden', note === undefined)}>${note ?? ''}</p>`;
}
