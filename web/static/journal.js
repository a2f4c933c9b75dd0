// What happened lately, for whoever asks why a stream stopped playing: tests, and people on the console.

/** Minutes of a troubled stream; a page open for days must not grow. */
const MOST_ENTRIES = 200;

export class Journal {
  #entries = [];

  /** `event` names what happened, `fields` tell more: strings and numbers. */
  note(event, fields = {}) {
    if (this.#entries.length === MOST_ENTRIES) this.#entries.shift();
    this.#entries.push({ atSeconds: performance.now() / 1000, event, ...fields });
  }

  /** Oldest first. */
  get entries() {
    return [...this.#entries];
  }
}
