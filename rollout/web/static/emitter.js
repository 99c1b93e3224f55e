// Who hears of what, without being waited for?

/** Tells listeners of events by name. */
export class Emitter {
  #listeners = new Map();

  /** Hear of an event from now on; the answer is a function that ends it. */
  on(event, listener) {
    const known = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, known.add(listener));
    return () => known.delete(listener);
  }

  /** Tell everybody who listens. */
  tell(event, ...said) {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(...said);
  }
}
