import { reportOnce } from '../report.ts';

const ROUNDING = 1e-9;

/**
 * Shows how far a task is as the progress of its job, in whole percents. One update is sent at a time, and the next one
 * has the latest state. No code waits for the updates, and a failure is reported once.
 */
export class ProgressMirror {
  readonly #update: (percent: number) => Promise<unknown>;
  #percent: number | undefined;
  #sent: number | undefined;
  #isSending = false;

  /** @param update BullMQ's `job.updateProgress`. */
  constructor(update: (percent: number) => Promise<unknown>) {
    this.#update = update;
  }

  /** Takes the share done, from 0 to 1. */
  show(share: number): void {
    this.#percent = Math.floor(share * 100 + ROUNDING);
    if (!this.#isSending) this.flush();
  }

  /** Sends the latest state, also while another update is being sent: the end of the job must come after it. */
  flush(): void {
    if (this.#percent === this.#sent || this.#percent === undefined) return;
    this.#sent = this.#percent;
    this.#isSending = true;
    const settled = (): void => {
      this.#isSending = false;
      this.flush();
    };
    this.#updated(this.#percent).then(settled, (error: unknown) => {
      reportOnce('bullmq progress', 'the progress of a job could not be shown', error);
      settled();
    });
  }

  /** An update that throws becomes a rejection. */
  async #updated(percent: number): Promise<void> {
    await this.#update(percent);
  }
}
