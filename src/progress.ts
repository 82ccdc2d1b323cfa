import type { Outcome } from './conventions.ts';
import type { Plan } from './fact.ts';

/**
 * How far a scope is, for somebody in its own process who wants to know it: by the rule of the
 * record's `progress`, which `collector/record/roll-up.ts` has for facts in any order.
 */
export class ScopeShare {
  readonly #name: string;
  readonly #around: ScopeShare | undefined;
  readonly #changed: ((share: number) => void) | undefined;
  #told: number | undefined;
  #plan: Plan | undefined;
  #inside = 0;
  readonly #insideByName = new Map<string, number>();
  #given = 0;

  /** @param changed Told each new share of a scope that no other is around. */
  constructor(name: string, around: ScopeShare | undefined, changed?: (share: number) => void) {
    this.#name = name;
    this.#around = around;
    this.#changed = changed;
  }

  progress(done: number, total: number | undefined): void {
    if (total === undefined) return;
    this.#told = Math.max(this.#told ?? 0, total === 0 ? 1 : Math.min(1, done / total));
    this.#give(this.#share() ?? 0);
  }

  plan(plan: Plan): void {
    this.#plan ??= plan;
    this.#give(this.#share() ?? 0);
  }

  /** What has ended is over, however it ended: a failed part holds nobody up. */
  end(outcome: Outcome): void {
    if (this.#around !== undefined) this.#give(1);
    else if (outcome === 'completed' && this.#share() !== undefined) this.#give(1);
  }

  #share(): number | undefined {
    const planned = this.#planned();
    if (planned === undefined || this.#told === undefined) return planned ?? this.#told;
    return Math.max(planned, this.#told);
  }

  #planned(): number | undefined {
    if (this.#plan === undefined) return undefined;
    if (typeof this.#plan === 'number') return Math.min(1, this.#inside / this.#plan);
    let done = 0;
    let all = 0;
    for (const [name, weight] of Object.entries(this.#plan)) {
      all += weight;
      done += weight * (this.#insideByName.get(name) ?? 0);
    }
    return Math.min(1, done / all);
  }

  #give(share: number): void {
    const gained = share - this.#given;
    if (gained <= 0) return;
    this.#given = share;
    this.#changed?.(share);
    if (this.#around !== undefined) this.#around.#gained(this.#name, gained, share);
  }

  #gained(name: string, gained: number, share: number): void {
    this.#inside += gained;
    if (this.#plan === undefined) return;
    const isPlanned = typeof this.#plan === 'object' && Object.hasOwn(this.#plan, name);
    if (isPlanned && share > (this.#insideByName.get(name) ?? 0)) this.#insideByName.set(name, share);
    this.#give(this.#share() ?? 0);
  }
}
