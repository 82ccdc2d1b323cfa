/** Of all room, what may be held for bytes that are only announced: they need not ever come. */
const ANNOUNCED_SHARE = 1 / 4;

/** The bytes of bodies that wait for the store, of all requests together. */
export class WaitingBytes {
  readonly #most: number;
  #bytes = 0;
  #announced = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Bytes that one request holds until it is disposed of. */
  share(): WaitingShare {
    let held = 0;
    let announced = 0;
    const fits = (bytes: number): boolean => bytes <= held || this.#bytes - held + bytes <= this.#most;
    const hold = (bytes: number): boolean => {
      if (bytes <= held) return true;
      if (!fits(bytes)) return false;
      this.#bytes += bytes - held;
      held = bytes;
      return true;
    };
    const haveCome = (): void => {
      this.#announced -= announced;
      announced = 0;
    };
    return {
      fits,
      hold,
      holdAnnounced: (bytes) => {
        if (this.#announced + bytes > this.#most * ANNOUNCED_SHARE || !hold(bytes)) return false;
        this.#announced += bytes;
        announced += bytes;
        return true;
      },
      haveCome,
      [Symbol.dispose]: () => {
        haveCome();
        this.#bytes -= held;
        held = 0;
      },
    };
  }
}

export interface WaitingShare extends Disposable {
  /** Whether there is room for so many bytes in all. */
  fits(bytes: number): boolean;
  /** Holds so many bytes in all, if there is room for them. */
  hold(bytes: number): boolean;
  /** The same for bytes that are yet to come, if the room for such ones suffices too. */
  holdAnnounced(bytes: number): boolean;
  /** Those that were announced are there. */
  haveCome(): void;
}
