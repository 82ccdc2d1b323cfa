/** So many tasks are a block: those whose ids, without their last ten bits, are equal. */
export const BLOCK_TASKS = 1024;

/** The block of a task. */
export function blockOf(id: number): number {
  return Math.floor(id / BLOCK_TASKS);
}

/** The lowest id that a task of a block may have. */
export function firstIdOf(block: number): number {
  return block * BLOCK_TASKS;
}

/** The highest one. */
export function lastIdOf(block: number): number {
  return firstIdOf(block + 1) - 1;
}

/** The set of a block, made if there is none. */
export function setOfBlock(sets: Map<number, TaskSet>, block: number): TaskSet {
  let set = sets.get(block);
  if (set === undefined) sets.set(block, (set = new TaskSet()));
  return set;
}

const WORDS = BLOCK_TASKS / 32;
/** A set of so many tasks or more is kept as one bit for each task of the block. */
const MANY = (BLOCK_TASKS / 8) / 2;

/** What a {@link TaskSet} is in a column: the number of its only task, the two bytes of each, or a bit for each task of the block. */
export type StoredTaskSet = number | Uint8Array;

/** Some tasks of a block, by their numbers in it, from 0. */
export class TaskSet {
  readonly #words = new Uint32Array(WORDS);

  add(number: number): void {
    this.#words[number >> 5]! |= 1 << (number & 31);
  }

  has(number: number): boolean {
    return (this.#words[number >> 5]! & (1 << (number & 31))) !== 0;
  }

  addAll(other: TaskSet): void {
    for (let at = 0; at < WORDS; at++) this.#words[at]! |= other.#words[at]!;
  }

  keepOnly(other: TaskSet): void {
    for (let at = 0; at < WORDS; at++) this.#words[at]! &= other.#words[at]!;
  }

  addStored(stored: StoredTaskSet): void {
    if (typeof stored === 'number') {
      this.add(stored);
    } else if (stored.length === BLOCK_TASKS / 8) {
      for (let at = 0; at < stored.length; at++) this.#words[at >> 2]! |= stored[at]! << (8 * (at & 3));
    } else {
      for (let at = 0; at < stored.length; at += 2) this.add(stored[at]! | (stored[at + 1]! << 8));
    }
  }

  stored(): StoredTaskSet {
    const numbers = this.numbers();
    if (numbers.length === 1) return numbers[0]!;
    const bytes = new Uint8Array(numbers.length < MANY ? 2 * numbers.length : BLOCK_TASKS / 8);
    if (numbers.length < MANY) numbers.forEach((number, at) => bytes.set([number & 255, number >> 8], 2 * at));
    else for (const number of numbers) bytes[number >> 3]! |= 1 << (number & 7);
    return bytes;
  }

  get size(): number {
    let size = 0;
    for (const word of this.#words) {
      for (let bits = word; bits !== 0; bits &= bits - 1) size++;
    }
    return size;
  }

  get isEmpty(): boolean {
    return this.#words.every((word) => word === 0);
  }

  /** Lowest first. */
  numbers(): number[] {
    const numbers: number[] = [];
    for (let at = 0; at < WORDS; at++) {
      for (let bits = this.#words[at]!; bits !== 0; bits &= bits - 1) numbers.push(32 * at + 31 - Math.clz32(bits & -bits));
    }
    return numbers;
  }
}
