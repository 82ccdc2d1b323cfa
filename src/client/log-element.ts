import { hide, make, one, put } from './dom.ts';
import { markFound, paint, unpaint } from './log-colours.ts';
import { listenForSearch } from './log-search.ts';
import type { LogMatch } from './log-search.ts';
import { bytesIn, bytesOfLines, linesOf, LogWindow, MOST_LINES } from './log-window.ts';
import type { WatchedLog } from './watch-task.ts';
import { adoptStyle, TaskElement } from './task-source.ts';
import type { TaskSource } from './task-source.ts';
import { watchTask } from './watch-task.ts';
import { logSize, text, trouble } from './words.ts';

/** Pieces of earlier text grow while the reader goes on scrolling. */
const FIRST_PIECE = 128 * 1024;
const LARGEST_PIECE = 1_000_000;
/** The most that the server gives at once. */
const MOST_BYTES = 1024 * 1024;
/** What is read around a place, and at the end. */
const TAIL_BYTES = 64 * 1024;
/** A log that is larger is better read as text. */
const LARGE_BYTES = 10_000_000;

/** So near its end a reader follows. */
const END_PIXELS = 24;

/**
 * `<taskspan-log src>`: the log of a task, its end first. Earlier text comes as one scrolls up; it follows while the reader
 * is at its end. Without `src` the element around it gives it what is new.
 */
export class TaskspanLog extends TaskElement {
  #root!: ParentNode;
  #box!: HTMLElement;
  #window!: LogWindow;
  #source: TaskSource | undefined;
  /** Byte at which the log ends, as far as is known. */
  #end = 0;
  #unread = 0;
  /** Lines of the whole log. */
  #allLines = 0;
  #isReading = false;
  /** Whether something was wanted while another request was on its way. */
  #isMissed = false;
  #hasTimes = false;
  #piece = FIRST_PIECE;
  #close: (() => void) | undefined;
  #observer: IntersectionObserver | undefined;

  protected override start(): void {
    const { source } = this;
    if (source === undefined) {
      if (this.firstElementChild !== null) this.#begin(this);
      return;
    }
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' });
    root.append(...emptyLog());
    void adoptStyle(root, source);
    this.#begin(root);
    this.#source = source;
    const watch = watchTask(source.url, source.options);
    const unsubscribe = watch.subscribe(() => {
      const { log, task, connection, error } = watch.getSnapshot();
      if (task !== undefined) this.follow(log, task.log_lines);
      const nothing = one(root, '.nothing');
      put(nothing, connection === 'failed' ? trouble(error?.status ?? 0, true).title : connection === 'interrupted' ? text.interrupted : task === undefined ? text.opening : text.emptyLog);
    });
    this.#close = () => {
      unsubscribe();
      watch.close();
    };
  }

  protected override stop(): void {
    this.#close?.();
    this.#close = undefined;
    this.#observer?.disconnect();
    for (const block of this.#window?.blocks ?? []) unpaint(block);
  }

  /** Where an element without `src` asks for text. */
  set from(source: TaskSource) {
    this.#source = source;
  }

  /** Takes what a log has gained. */
  follow({ from, bytes: end, parts }: WatchedLog, lines = 0): void {
    this.#allLines = lines;
    const before = this.#end;
    if (end <= before) return;
    this.#end = end;
    this.#showSize();
    const isAttached = this.#window.to === before && from <= before;
    const added = lastBytes(parts, end - before);
    if (!this.#isAtEnd(before)) this.#showUnread(this.#unread + (added.match(/\n/g)?.length ?? 1));
    one(this.#root, '.nothing')?.remove();
    // With times the text is another: it is asked for.
    if (this.#hasTimes && isAttached) void this.#later();
    else if (isAttached) this.#atEnd(() => this.#window.append(added, false));
    else if (this.#unread === 0) void this.#toEnd();
    if (this.#unread === 0) this.#window.letGo('start');
    this.#showLinks();
  }

  /** Whether the reader is at the end: the box counts from there, and the browser follows by itself. */
  #isAtEnd(end = this.#end): boolean {
    return this.#box.scrollTop > -END_PIXELS && this.#window.to >= end;
  }

  async #toEnd(): Promise<void> {
    if (this.#window.to < this.#end) await this.#load(this.#end - TAIL_BYTES, TAIL_BYTES);
    this.#box.scrollTop = 0;
    this.#showUnread(0);
  }

  /** Shows a place in the log, and marks it. */
  async reveal({ offset, bytes }: LogMatch): Promise<void> {
    if (this.#hasTimes) {
      this.#hasTimes = false;
      one<HTMLInputElement>(this.#root, '.times')!.checked = false;
      await this.#load(offset - TAIL_BYTES / 2, TAIL_BYTES);
    }
    let range = this.#window.rangeOf(offset, bytes);
    if (range === undefined) {
      await this.#load(offset - TAIL_BYTES / 2, TAIL_BYTES);
      range = this.#window.rangeOf(offset, bytes);
    }
    markFound(range);
    if (range === undefined) return;
    const box = this.#box.getBoundingClientRect();
    this.#box.scrollTop += range.getBoundingClientRect().top - box.top - box.height / 3;
    this.#box.scrollIntoView({ block: 'nearest' });
  }

  #begin(root: ParentNode): void {
    this.#root = root;
    this.#box = one(root, '.box')!;
    const { from = '0', to = '0', bytes: end = to, lines = '0' } = this.dataset;
    this.#allLines = Number(lines);
    this.#end = Number(end);
    this.#window = new LogWindow(one(root, '.lines')!, Number(from), Number(to), (pre, at) => this.#onBlock(pre, at));
    this.#observer = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) {
        if (isIntersecting) void (target.classList.contains('later') ? this.#later() : this.#earlier());
      }
    }, { root: this.#box, rootMargin: '800px' });
    for (const name of ['earlier', 'later']) {
      const link = one(root, `.${name}`) ?? this.#addLink(name);
      link.addEventListener('click', (event) => {
        event.preventDefault();
        void (name === 'later' ? this.#later() : this.#earlier());
      });
      this.#observer.observe(link);
    }
    this.#box.addEventListener('scroll', () => {
      if (this.#unread > 0 && this.#isAtEnd()) this.#showUnread(0);
    }, { passive: true });
    one(root, '.new')!.addEventListener('click', () => {
      void this.#toEnd();
      // The button disappears: keys go on in the log.
      this.#box.focus({ preventScroll: true });
    });
    one(root, '.whole')!.addEventListener('click', () => void this.#whole());
    this.#toggle('.wrap', (isOn) => this.#box.classList.toggle('nowrap', !isOn));
    this.#toggle('.times', (isOn) => void this.#setTimes(isOn));
    listenForSearch(one(root, '.find')!, (query) => this.#source!.read(`/log?${query}`, 'application/json'), (match) => this.reveal(match));
    this.#showLinks();
  }

  #toggle(selector: string, onChange: (isOn: boolean) => void): void {
    const input = one<HTMLInputElement>(this.#root, selector)!;
    input.parentElement!.hidden = false;
    input.addEventListener('change', () => onChange(input.checked));
  }

  #addLink(name: string): HTMLElement {
    const link = make('a', name);
    link.setAttribute('href', '#');
    // The box is a column from its end upwards.
    if (name === 'later') this.#box.prepend(link);
    else this.#box.append(link);
    return link;
  }

  /** A block is coloured while it is in sight. */
  #onBlock(pre: HTMLPreElement, from: number): void {
    paint(pre, from);
    if (from > 0) return;
    pre.addEventListener('contentvisibilityautostatechange', (event) => {
      if ((event as ContentVisibilityAutoStateChangeEvent).skipped) unpaint(pre);
      else paint(pre);
    });
  }

  async #setTimes(isOn: boolean): Promise<void> {
    this.#hasTimes = isOn;
    const { to } = this.#window;
    await this.#load(Math.max(this.#window.from, to - TAIL_BYTES), TAIL_BYTES);
  }

  /** Text at the end: what is being read must not move with it, since the box counts from its end. */
  #atEnd(change: () => void): void {
    const isReading = this.#box.scrollTop <= -END_PIXELS;
    const height = isReading ? this.#box.scrollHeight : 0;
    change();
    if (isReading) this.#box.scrollTop -= this.#box.scrollHeight - height;
  }

  /** Adds one piece of earlier text. */
  async #earlier(): Promise<void> {
    const { from } = this.#window;
    if (from === 0) return;
    await this.#reading(async () => {
      const size = Math.min(from, this.#piece);
      this.#piece = Math.min(LARGEST_PIECE, this.#piece * 2);
      this.#window.prepend((await this.#read(from - size, from)).text, this.#hasTimes);
      if (!this.#isAtEnd()) this.#atEnd(() => this.#window.letGo('end'));
    });
  }

  /** Adds one piece of what comes after the text in the document. */
  async #later(): Promise<void> {
    if (this.#window.to >= this.#end) return;
    await this.#reading(async () => {
      const { to } = this.#window;
      const added = await this.#read(to, Math.min(this.#end, to + LARGEST_PIECE));
      this.#atEnd(() => this.#window.append(added.text, this.#hasTimes));
      this.#window.letGo('start');
    });
  }

  /** All earlier text, or the beginning of a log of which the document can't have all. */
  async #whole(): Promise<void> {
    if (this.#isTooLong()) {
      await this.#load(0, TAIL_BYTES);
      this.#box.scrollTop = -this.#box.scrollHeight;
      return;
    }
    while (this.#window.from > 0 && this.#window.lines < MOST_LINES) {
      const { from } = this.#window;
      this.#piece = LARGEST_PIECE;
      await this.#earlier();
      if (this.#window.from === from) return;
    }
  }

  #isTooLong(): boolean {
    return this.#allLines > MOST_LINES;
  }

  /** Replaces what is in the document by the text at a place. */
  async #load(offset: number, length: number): Promise<void> {
    await this.#reading(async () => {
      const from = Math.max(0, offset);
      const piece = await this.#read(from, Math.min(this.#end, from + length));
      this.#window.replace(piece.from, piece.text, this.#hasTimes);
    }, true);
  }

  /** One request at a time; one that fails is shown where the text would be. */
  async #reading(work: () => Promise<void>, always = false): Promise<void> {
    if (this.#isReading && !always) {
      this.#isMissed = true;
      return;
    }
    this.#isReading = true;
    try {
      await work();
      this.#showLinks();
    } catch (error) {
      put(one(this.#root, '.earlier'), text.notRead((error as Error).message));
    } finally {
      this.#isReading = false;
    }
    // A link that is still in sight after that is no news for the observer by itself.
    for (const link of this.#root.querySelectorAll('.earlier, .later')) {
      this.#observer?.unobserve(link);
      this.#observer?.observe(link);
    }
    if (!this.#isMissed) return;
    this.#isMissed = false;
    if (this.#hasTimes && this.#unread === 0) void this.#later();
  }

  /** Reads the whole lines between two bytes, and where the first of them begins. */
  async #read(from: number, to: number): Promise<{ from: number; text: string }> {
    // The byte before shows whether a line begins right there.
    const offset = Math.max(0, from - 1);
    const hasTimes = this.#hasTimes;
    const response = await this.#source!.read(`/log?offset=${offset}&limit=${Math.min(to - offset, MOST_BYTES)}${hasTimes ? '&times=1' : ''}`, 'text/plain');
    const lines = linesOf(await response.text());
    if (offset > 0 && lines.length > 1) lines.shift();
    // With times the lines of a fact come together, so that the last ones may be known.
    let end = Number(/-(\d+)/.exec(response.headers.get('Content-Range') ?? '')?.[1] ?? to - 1) + 1;
    while (end > to && lines.length > 0) end -= bytesOfLines([lines.pop()!], hasTimes);
    return { from: end - bytesOfLines(lines, hasTimes), text: lines.join('') };
  }

  #showLinks(): void {
    const { from, to } = this.#window;
    const earlier = one(this.#root, '.earlier');
    hide(earlier, from === 0);
    put(earlier, text.earlier(from));
    const later = one(this.#root, '.later');
    hide(later, to >= this.#end);
    put(later, text.latest);
    const whole = one(this.#root, '.whole');
    hide(whole, from === 0);
    put(whole, this.#isTooLong() ? text.beginning : this.#end > LARGE_BYTES ? text.wholeLarge(this.#end) : text.whole);
    hide(one(this.#root, '.find'), from === 0 && to >= this.#end);
  }

  #showSize(): void {
    put(one(this.#root, '.size'), logSize(this.#allLines, this.#end));
  }

  #showUnread(unread: number): void {
    this.#unread = unread;
    const button = one(this.#root, '.new');
    hide(button, unread === 0);
    if (unread > 0) put(button, text.newLines(unread));
  }
}

/** The last bytes of a text in parts. */
function lastBytes(parts: readonly string[], count: number): string {
  const found: string[] = [];
  for (let at = parts.length - 1, left = count; at >= 0 && left > 0; at--) {
    const part = parts[at]!;
    const size = bytesIn(part);
    found.unshift(size <= left ? part : new TextDecoder().decode(new TextEncoder().encode(part).subarray(size - left)));
    left -= size;
  }
  return found.join('');
}

/** What the server makes for a page, without text. */
function emptyLog(): HTMLElement[] {
  const head = make('div', 'log-head spread');
  const tools = make('div', 'tools');
  for (const [name, word, isOn] of [['times', text.times, false], ['wrap', text.wrap, true]] as const) {
    const label = make('label');
    const input = make('input', name);
    input.type = 'checkbox';
    input.checked = isOn;
    label.append(input, ` ${word}`);
    tools.append(label);
  }
  tools.append(make('button', 'plain whole', text.whole));
  const find = make('span', 'find');
  const input = make('input');
  input.type = 'search';
  input.placeholder = text.find;
  input.ariaLabel = text.find;
  find.append(input, make('span', 'found quiet'));
  tools.prepend(find);
  head.append(make('span', 'size quiet small'), tools);
  const box = make('div', 'box');
  box.role = 'log';
  box.ariaLive = 'off';
  box.ariaLabel = text.log;
  box.tabIndex = 0;
  box.part = 'box';
  const lines = make('div', 'lines');
  lines.append(make('p', 'nothing', text.opening));
  box.append(lines);
  const news = make('button', 'new');
  news.hidden = true;
  return [head, box, news];
}
