/** Passes output on, no faster than they are taken; where nobody takes them any more, no longer. */
export class PassedOutput {
  readonly #target: NodeJS.WritableStream & { readonly destroyed?: boolean };
  #isClosed = false;

  constructor(target: NodeJS.WriteStream) {
    this.#target = target;
    const close = (): void => void (this.#isClosed = true);
    target.once('error', close);
    target.once('close', close);
  }

  /** Resolves when more may be written. */
  async write(bytes: Buffer | string): Promise<void> {
    if (this.#isClosed || this.#target.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const events = ['drain', 'close', 'error'] as const;
      const go = (): void => {
        for (const event of events) this.#target.off(event, go);
        resolve();
      };
      for (const event of events) this.#target.on(event, go);
    });
  }
}
