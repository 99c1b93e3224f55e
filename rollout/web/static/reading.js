// How does a page read what it shows, again when that changed, and again when nobody answered?

import { waiting } from './live.js';

const OPENING_MS = 250;

/**
 * Keep something read. load(signal) reads and shows it; failed(error) hears of a refusal that trying again does not mend.
 * The answer is {begin, again, stop}: `begin` reads for the first time, `again` once more, and many of them in short time
 * read no more than twice.
 */
export function kept(api, load, failed) {
  const reading = new Reading(api, load, failed);
  return { again: () => reading.again(), begin: (live) => reading.begin(live), stop: () => reading.stop() };
}

class Reading {
  #api;
  #load;
  #failed;
  #running = null;
  #isOwed = false;
  #isStopped = false;
  #failures = 0;
  #timer = 0;

  constructor(api, load, failed) {
    this.#api = api;
    this.#load = load;
    this.#failed = failed;
  }

  /** A stream that is about to open says `reset`, which reads all: until then nothing is, or it would be read twice. */
  begin(live) {
    if (live.state !== 'opening') return this.again();
    this.#timer = setTimeout(() => this.again(), OPENING_MS);
    return Promise.resolve();
  }

  async again() {
    clearTimeout(this.#timer);
    if (this.#isStopped) return;
    this.#isOwed = true;
    while (this.#isOwed && !this.#running && !this.#isStopped) {
      this.#isOwed = false;
      await this.#once();
    }
  }

  stop() {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#running?.abort();
  }

  async #once() {
    clearTimeout(this.#timer);
    this.#running = new AbortController();
    try {
      await this.#load(this.#running.signal);
      this.#failures = 0;
    } catch (error) {
      if (!this.#isStopped) this.#taken(error);
    } finally {
      this.#running = null;
    }
  }

  #taken(error) {
    this.#api.failed(error);
    if (error.isPassing) {
      this.#timer = setTimeout(() => this.again(), waiting(this.#failures++));
    } else if (error.status !== 401) {
      this.#failed(error);
    }
  }
}
