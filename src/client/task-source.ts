import { ElementBase } from './dom.ts';
import type { WatchOptions } from './watch.ts';

/** A task on a server, and how its element asks for it. */
export interface TaskSource {
  readonly url: string;
  readonly options: Pick<WatchOptions, 'token'>;
  /** Requests something below the task's address. Rejects where the answer is no success, with its `status`. */
  readonly read: (path: string, accept?: string) => Promise<Response>;
}

/** An element with the attribute `src`, the address of a task, and the property `token`. */
export class TaskElement extends ElementBase {
  static readonly observedAttributes: readonly string[] = ['src'];

  /** Sent as `Authorization: Bearer TOKEN`; a function is asked before each request. */
  token: WatchOptions['token'];

  get src(): string {
    return this.getAttribute('src') ?? '';
  }

  set src(value: string) {
    this.setAttribute('src', value);
  }

  /** The task that it shows; `undefined` without `src`. */
  protected get source(): TaskSource | undefined {
    return this.src === '' ? undefined : sourceAt(new URL(this.src, document.baseURI).href, () => this.token);
  }

  #isStarted = false;

  connectedCallback(): void {
    this.#isStarted = true;
    this.start();
  }

  disconnectedCallback(): void {
    this.#isStarted = false;
    this.stop();
  }

  /** Another task. */
  attributeChangedCallback(_name: string, before: string | null, value: string | null): void {
    if (before === value || !this.#isStarted) return;
    this.stop();
    this.shadowRoot?.replaceChildren();
    this.start();
  }

  /** Shows the task of `src`. */
  protected start(): void {}

  /** Lets go of all that goes on. */
  protected stop(): void {}
}

function sourceAt(url: string, given: () => WatchOptions['token']): TaskSource {
  const token = async (): Promise<string | undefined> => {
    const known = given();
    return typeof known === 'function' ? known() : known;
  };
  return {
    url,
    options: { token },
    read: async (path, accept = '*/*') => {
      const bearer = await token();
      const response = await fetch(url + path, { headers: { Accept: accept, ...(bearer && { Authorization: `Bearer ${bearer}` }) } });
      if (response.ok) return response;
      throw Object.assign(new Error(`${response.status}`), { status: response.status });
    },
  };
}

const styles = new Map<string, Promise<CSSStyleSheet>>();

/** Gives a shadow root the style of the pages, from the task's own server; each server is asked once. */
export async function adoptStyle(root: ShadowRoot, { url }: TaskSource): Promise<void> {
  const address = new URL('assets/page.css', url).href;
  let style = styles.get(address);
  if (style === undefined) {
    // A sheet that is made by a script needs no exception in the policy of the page around it.
    style = fetch(address).then(async (response) => {
      if (!response.ok) throw new Error(`${response.status}`);
      return new CSSStyleSheet().replace(await response.text());
    });
    style.catch(() => styles.delete(address));
    styles.set(address, style);
  }
  try {
    root.adoptedStyleSheets = [await style];
  } catch {
    // Without its style it is plain, and right.
  }
}
