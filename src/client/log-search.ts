import { one, put } from './dom.ts';
import { text } from './words.ts';

/** Where a text stands in a log. */
export interface LogMatch {
  readonly offset: number;
  readonly bytes: number;
}

/** What the server has found: one answer is about a part of the log. */
interface FoundLines {
  readonly matches: readonly LogMatch[];
  readonly looked_to: number;
  readonly more: boolean;
  readonly log_bytes: number;
}

/**
 * The field that looks for a text in the whole log, also where the document has only a part of it: Enter leads to the next
 * place, Shift and Enter to the one before.
 *
 * @param read Asks for something at the log's address.
 * @param reveal Shows a place.
 */
export function listenForSearch(form: HTMLElement, read: (query: string) => Promise<Response>, reveal: (match: LogMatch) => Promise<void>): void {
  const input = one<HTMLInputElement>(form, 'input')!;
  let sought = '';
  let matches: LogMatch[] = [];
  let at = -1;
  let lookedTo = 0;
  let hasMore = true;
  let isBusy = false;

  const say = (what: string): void => put(one(form, '.found'), what);

  /** Looks on, until there is something or the log ends. */
  const lookOn = async (): Promise<void> => {
    const before = matches.length;
    while (hasMore && matches.length === before) {
      const found = (await (await read(`find=${encodeURIComponent(sought)}&after=${lookedTo}`)).json()) as FoundLines;
      matches.push(...found.matches);
      lookedTo = found.looked_to;
      hasMore = found.more;
      if (matches.length === before && hasMore) say(text.looked(lookedTo / found.log_bytes));
    }
  };

  const step = async (by: 1 | -1): Promise<void> => {
    if (input.value === '') return say('');
    if (input.value !== sought) [sought, matches, at, lookedTo, hasMore] = [input.value, [], -1, 0, true];
    if (at + by >= matches.length) await lookOn();
    if (matches.length === 0) return say(text.notFound);
    // After the last one comes the first.
    at = (at + by + matches.length) % matches.length;
    say(text.foundAt(at + 1, matches.length, hasMore));
    await reveal(matches[at]!);
  };

  const go = async (by: 1 | -1): Promise<void> => {
    if (isBusy) return;
    isBusy = true;
    try {
      await step(by);
    } catch {
      say(text.searchFailed);
    } finally {
      isBusy = false;
    }
  };

  form.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.isComposing) return;
    event.preventDefault();
    void go(event.shiftKey ? -1 : 1);
  });
  for (const button of form.querySelectorAll('button')) button.addEventListener('click', () => void go(1));
}
