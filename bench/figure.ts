/** What is compared to a target: the ratio, what ours costs, or how much more it costs than the bare thing. */
export type Judged = 'ratio' | 'ours' | 'more';

/** A target of the project; without one a figure informs. */
export interface Target {
  readonly of: Judged;
  readonly most?: number;
  readonly least?: number;
}

/** Median and extremes of the rounds. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** One line of the table. Ratios are ours to the bare thing's, round by round in the same run. */
export interface Figure {
  readonly name: string;
  /** Unit of {@link ours} and {@link bare}. */
  readonly unit: string;
  readonly ours: number;
  readonly bare?: number | undefined;
  /** By CPU time where {@link wall} stands too, else by the measure that the name gives. */
  readonly ratio?: Spread | undefined;
  /** The same by wall time. */
  readonly wall?: { readonly ours: number; readonly bare: number; readonly ratio: Spread } | undefined;
  readonly target?: Target | undefined;
}

/** What a child process sends of the benchmark that it ran. */
export interface BenchmarkResult {
  readonly figures: readonly Figure[];
}

/** Whether a figure meets its target; `undefined` where it has none. */
export function meetsTarget({ ours, bare, ratio, target }: Figure): boolean | undefined {
  if (target === undefined) return undefined;
  const judged = { ratio: ratio?.median ?? NaN, ours, more: ours - (bare ?? NaN) }[target.of];
  return judged <= (target.most ?? Infinity) && judged >= (target.least ?? -Infinity);
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((one, other) => one - other);
  return { median: medianOf(sorted), min: sorted[0] ?? NaN, max: sorted.at(-1) ?? NaN };
}

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The same with ratios of how many requests a second there are, the reciprocals of those of time. */
export function rateOf(figure: Figure): Figure {
  const { ratio, wall } = figure;
  return { ...figure, ratio: ratio && reciprocal(ratio), wall: wall && { ...wall, ratio: reciprocal(wall.ratio) } };
}

function reciprocal({ median, min, max }: Spread): Spread {
  return { median: 1 / median, min: 1 / max, max: 1 / min };
}
