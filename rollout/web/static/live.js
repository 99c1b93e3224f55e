// How does an open page hear at once of what changes, and notice that it hears nothing any more?
//
// The stream is read by fetch and not by EventSource: that hides the status code of a refusal (401 is "sign in", not "try
// again") and the beats by which a dead connection is told from a quiet one.

import { parsed, spelled } from './api.js';
import { Emitter } from './emitter.js';

const CHANGES = '/api/v1/changes';
const SILENT_MS = 40_000; // the server beats every 15 s
const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;
const HIDDEN_MS = 60_000; // a browser has six connections to one server: pages in the background give theirs back

/**
 * Tells `rollout` and `meshmigration` with {namespace, name}, `reset` when all has to be read again, and `state` when
 * that changes: 'opening', 'open', 'cut' (with since and retryAt, in ms, and why where the server says it) or 'resting' in the background.
 */
export class Live extends Emitter {
  state = 'opening';
  since = Date.now();
  retryAt = 0;
  why = '';
  #isStarted = false;
  #isOver = false;
  #tries = 0;
  #aborting = null;
  #waiting = 0;
  #silence = 0;
  #hiding = 0;

  /** Begin, or go on after `stop`, through every interruption. */
  start() {
    this.#isOver = false;
    if (this.#isStarted) {
      if (this.state === 'resting') this.#open();
      return;
    }
    this.#isStarted = true;
    document.addEventListener('visibilitychange', () => this.#seen());
    window.addEventListener('online', () => this.now());
    this.#open();
  }

  /** Try again at once. */
  now() {
    if (this.state !== 'cut') return;
    clearTimeout(this.#waiting);
    this.#open();
  }

  /** Stop until `start`: there is nobody whom the server would tell anything. */
  stop() {
    this.#isOver = true;
    this.#rest();
  }

  #rest() {
    clearTimeout(this.#waiting);
    clearTimeout(this.#silence);
    this.#aborting?.abort();
    this.#aborting = null;
    this.#is('resting');
  }

  #seen() {
    clearTimeout(this.#hiding);
    if (document.hidden) this.#hiding = setTimeout(() => this.#rest(), HIDDEN_MS);
    else if (!this.#isOver) this.start();
  }

  async #open() {
    const aborting = new AbortController();
    this.#aborting = aborting;
    try {
      this.#beat(aborting);
      const answer = await fetch(CHANGES, {
        headers: { Accept: 'text/event-stream' },
        credentials: 'same-origin',
        cache: 'no-store',
        signal: aborting.signal,
      });
      if (answer.status === 401) {
        this.stop();
        this.tell('unknown');
        return;
      }
      this.why = answer.ok ? '' : spelled(parsed(await answer.text())?.detail);
      if (!answer.ok) throw new Error(`the stream answers ${answer.status}`);
      await this.#read(answer.body.pipeThrough(new TextDecoderStream()), aborting);
      throw new Error('the stream has ended');
    } catch {
      if (this.#aborting === aborting) this.#cut();
    }
  }

  async #read(stream, aborting) {
    let rest = '';
    for await (const piece of chunks(stream)) {
      this.#beat(aborting);
      if (this.state !== 'open') {
        this.#tries = 0;
        this.#is('open');
      }
      const blocks = (rest + piece).split('\n\n');
      rest = blocks.pop();
      for (const block of blocks) this.#hear(block);
    }
  }

  #hear(block) {
    const lines = block.split('\n').map((line) => line.split(/: (.*)/s));
    const said = Object.fromEntries(lines.filter(([name]) => name === 'event' || name === 'data'));
    if (!said.event) return;
    try {
      this.tell(said.event, JSON.parse(said.data ?? '{}'));
    } catch (error) {
      console.error('an event that a page could not take', said, error); // one page's fault ends no stream
    }
  }

  #beat(aborting) {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => aborting.abort(), SILENT_MS);
  }

  #cut() {
    clearTimeout(this.#silence);
    const pause = waiting(this.#tries++);
    this.retryAt = Date.now() + pause;
    this.#waiting = setTimeout(() => this.#open(), pause);
    this.#is('cut');
  }

  #is(state) {
    if (state !== this.state) this.since = Date.now();
    this.state = state;
    this.tell('state', state);
  }
}

/** How long to wait after so many failures, in ms: doubling, and never the same for two pages that were cut at once. */
export function waiting(failures) {
  const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** failures);
  return longest / 2 + Math.random() * longest / 2;
}

async function* chunks(stream) {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}
