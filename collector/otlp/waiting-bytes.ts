/** The bytes of bodies that wait for the store, of all requests together. */
export class WaitingBytes {
  readonly #most: number;
  #bytes = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Bytes that one request holds until it is disposed of. */
  share(): WaitingShare {
    let held = 0;
    const fits = (bytes: number): boolean => bytes <= held || this.#bytes - held + bytes <= this.#most;
    return {
      fits,
      hold: (bytes) => {
        if (bytes <= held) return true;
        if (!fits(bytes)) return false;
        this.#bytes += bytes - held;
        held = bytes;
        return true;
      },
      [Symbol.dispose]: () => {
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
}
