import { labels, logSize, text } from '../../../src/client/words.ts';
import { flag, html } from './markup.ts';
import type { Html } from './markup.ts';
import type { TaskPageData } from './page-data.ts';

/** Lines of one block. A browser lays out only the blocks that are in sight. */
const BLOCK_LINES = 500;

/** The end of the log as plain text in a few blocks: find, select and copy are the browser's own. */
export function logView({ task, log: { from, to, text: shown } }: TaskPageData): Html {
  const lines = shown === '' ? [] : shown.replace(/\n$/, '').split('\n');
  const blocks: Html[] = [];
  for (let at = 0; at < lines.length; at += BLOCK_LINES) blocks.push(blockView(lines.slice(at, at + BLOCK_LINES)));
  return html`<taskspan-log part="log" data-from="${from}" data-to="${to}" data-bytes="${task.log_bytes}" data-lines="${task.log_lines}"><div class="log-head spread"><h2>${text.log} <span class="size quiet small">${logSize(task.log_lines, task.log_bytes)}</span></h2>
<div class="tools"><span class="find" role="search" hidden><input type="search" maxlength="200" placeholder="${text.find}" aria-label="${text.find}"><span class="found quiet" role="status"></span></span><label hidden><input class="times" type="checkbox"> ${text.times}</label><label hidden><input class="wrap" type="checkbox" checked> ${text.wrap}</label><button type="button" class="plain whole" hidden>${text.whole}</button><a href="${task.task_uuid}/log">${labels.asText}</a></div></div>
<div class="box" role="log" aria-live="off" aria-label="${text.log}" tabindex="0">${to < task.log_bytes ? html`<a class="later" href="?">${text.latest}</a>` : ''}<div class="lines">${blocks}${lines.length === 0 ? html`<p class="nothing">${text.emptyLog}</p>` : ''}</div>${from > 0 ? html`<a class="earlier" href="?before=${from}">${text.earlier(from)}</a>` : ''}</div><button type="button" class="new" hidden></button></taskspan-log>`;
}

function blockView(lines: readonly string[]): Html {
  // A <pre> swallows a line feed at its beginning: hence one of its own.
  return html`<pre${flag('class="full"', lines.length === BLOCK_LINES)}>${`\n${lines.join('\n')}\n`}</pre>`;
}
