import { reportOnce } from '../report.ts';

/** What shows a job's progress: BullMQ's `job.updateProgress`, whole percents. */
export type UpdateProgress = (percent: number) => Promise<unknown>;

const ROUNDING = 1e-9;

/**
 * Shows how far a task is as the progress of its job. One update is under way at a time, and the
 * next one has the latest state; nobody waits for them, and their failures are told once.
 */
export class ProgressMirror {
  readonly #update: UpdateProgress;
  #percent: number | undefined;
  #sent: number | undefined;
  #underWay = false;

  constructor(update: UpdateProgress) {
    this.#update = update;
  }

  /** Takes the share done, from 0 to 1. */
  show(share: number): void {
    this.#percent = Math.floor(share * 100 + ROUNDING);
    if (!this.#underWay) this.flush();
  }

  /** Sends what is not yet sent, also beside an update that is under way: what ends the job must come after it. */
  flush(): void {
    if (this.#percent === this.#sent || this.#percent === undefined) return;
    this.#sent = this.#percent;
    this.#underWay = true;
    const settled = (): void => {
      this.#underWay = false;
      this.flush();
    };
    this.#updated(this.#percent).then(settled, (error: unknown) => {
      reportOnce('bullmq progress', 'the progress of a job could not be shown', error);
      settled();
    });
  }

  async #updated(percent: number): Promise<void> {
    await this.#update(percent);
  }
}
