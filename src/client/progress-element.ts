import { ANNOUNCE_MS, hide, make, one, put, putShare } from './dom.ts';
import { TaskElement } from './task-source.ts';
import { watchTask } from './watch-task.ts';
import type { TaskSnapshot } from './watch-task.ts';
import { headline, percent, share, text, trouble } from './words.ts';

const STYLE = `
:host { display: block; font: 0.9375rem/1.5 var(--taskspan-font, system-ui, sans-serif); color: var(--taskspan-text, inherit); }
:host([hidden]), [hidden] { display: none !important; }
p { margin: 0; overflow-wrap: anywhere; }
.lead { font-weight: 500; }
.rest { font-size: 0.8125rem; opacity: 0.75; font-variant-numeric: tabular-nums; }
.error { color: var(--taskspan-bad, light-dark(#bd1f2d, #ff8a80)); }
.line { display: grid; grid-template-columns: 1fr auto; gap: 0.75rem; align-items: center; margin-block: 0.35rem; }
.percent { min-inline-size: 2.75rem; text-align: end; font-variant-numeric: tabular-nums; font-size: 0.875rem; opacity: 0.75; }
progress { appearance: none; inline-size: 100%; block-size: var(--taskspan-bar, 6px); border: 0; border-radius: 3px; overflow: hidden; background: var(--taskspan-track, color-mix(in srgb, currentColor 15%, transparent)); accent-color: var(--taskspan-accent, #2f7de1); }
progress::-webkit-progress-bar { background: none; }
progress::-webkit-progress-value { background: var(--taskspan-accent, light-dark(#0a5fd0, #74adff)); border-radius: 3px; transition: inline-size 0.4s; }
progress::-moz-progress-bar { background: var(--taskspan-accent, light-dark(#0a5fd0, #74adff)); }
:host([data-state=failed]) progress::-webkit-progress-value, :host([data-state=lost]) progress::-webkit-progress-value, :host([data-state=cancelled]) progress::-webkit-progress-value { background: #868e99; }
progress:indeterminate { background: linear-gradient(90deg, transparent 35%, var(--taskspan-accent, light-dark(#0a5fd0, #74adff)) 50%, transparent 65%) 0 / 300% 100%, var(--taskspan-track, color-mix(in srgb, currentColor 15%, transparent)); animation: move 2s linear infinite; }
progress:indeterminate::-moz-progress-bar { background: none; }
@keyframes move { from { background-position: 150% 0, 0 0; } to { background-position: 0 0, 0 0; } }
@media (forced-colors: active) { progress { border: 1px solid; } }
@media (prefers-reduced-motion: reduce) { progress::-webkit-progress-value { transition: none; } progress:indeterminate { animation: none; } }
`;

/** `<taskspan-progress src>`: one sentence on what a task does, a bar and its number. */
export class TaskspanProgress extends TaskElement {
  #close: (() => void) | undefined;
  #announced = 0;

  protected override start(): void {
    const { source } = this;
    if (source === undefined) return;
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' });
    const style = new CSSStyleSheet();
    style.replaceSync(STYLE);
    root.adoptedStyleSheets = [style];
    root.append(...parts());
    const watch = watchTask(source.url, { ...source.options, log: false });
    const show = (): void => this.#show(root, watch.getSnapshot());
    const unsubscribe = watch.subscribe(show);
    // Times go on while nothing comes.
    const clock = setInterval(show, 1000);
    this.#close = () => {
      clearInterval(clock);
      unsubscribe();
      watch.close();
    };
    show();
  }

  protected override stop(): void {
    this.#close?.();
    this.#close = undefined;
  }

  #show(root: ShadowRoot, { task, connection, error }: TaskSnapshot): void {
    const lead = one(root, '.lead')!;
    if (task === undefined) {
      lead.classList.toggle('error', connection === 'failed');
      put(lead, connection === 'failed' ? trouble(error?.status ?? 0, true).title : connection === 'interrupted' ? text.interrupted : text.opening);
      hide(one(root, '.line'), true);
      return;
    }
    const { lead: sentence, rest } = headline(task, Date.now());
    const hasFailed = task.state === 'failed';
    lead.classList.toggle('error', hasFailed);
    put(lead, sentence);
    const reason = hasFailed || task.state === 'cancelled' ? task.exception : '';
    put(one(root, '.rest'), connection === 'interrupted' ? text.interrupted : [reason, ...rest].filter((part) => part !== '').join(' · '));
    const part = task.state === 'completed' ? 1 : share(task);
    hide(one(root, '.line'), part === null && task.state !== 'running');
    putShare(root, part);
    if (this.dataset['state'] !== task.state) this.dataset['state'] = task.state;
    if (!task.finished && Date.now() - this.#announced < ANNOUNCE_MS) return;
    this.#announced = Date.now();
    put(one(root, '[role=status]'), `${sentence}${part === null || task.finished ? '' : `, ${percent(part)}`}`);
    if (connection !== 'ended' && connection !== 'failed') return;
    // Nothing changes any more, and a clock that says "ago" is not shown.
    this.stop();
    this.dispatchEvent(new CustomEvent('taskspan-end', { detail: task, bubbles: true, composed: true }));
  }
}

function parts(): HTMLElement[] {
  const bar = make('progress');
  bar.max = 1;
  bar.ariaLabel = text.progress;
  const made = [make('p', 'lead'), make('div', 'line'), make('p', 'rest'), make('p', 'status')];
  for (const [at, name] of ['lead', 'line', 'rest'].entries()) made[at]!.setAttribute('part', name);
  bar.setAttribute('part', 'bar');
  const number = make('span', 'percent');
  number.setAttribute('part', 'percent');
  made[1]!.append(bar, number);
  const status = made[3]!;
  status.role = 'status';
  status.style.cssText = 'position:absolute;inline-size:1px;block-size:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap';
  return made;
}
