// How does the dashboard ask the API, and what do its refusals mean for a page?

import { Emitter } from './emitter.js';

const ROLLOUTS = '/api/v1/rollouts';
const PATIENCE_MS = 20_000;
const MOST = 500; // what the API gives at a time

/** A request that did not do what was wanted. status: of HTTP, 0 when no answer came. detail: for people. */
export class Failure extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
    this.detail = detail;
  }

  /** Whether the same request may do it later: nobody answered, or the cluster is away. */
  get isPassing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/**
 * Asks the API. Tells `change` when it came or went (trouble: the Failure, null while it answers; read: when something
 * was read last, in ms) and `unknown` when the caller has to sign in.
 */
export class Api extends Emitter {
  trouble = null;
  read = 0;

  /** What a path answers; Failure otherwise. */
  async get(path, { signal } = {}) {
    const found = await this.#asked(path, { signal });
    this.read = Date.now();
    if (this.trouble) this.#changed(null);
    return found;
  }

  /** What a path answers to a body; Failure otherwise, which is for whoever asked and marks nothing as stale. */
  async post(path, body) {
    return this.#asked(path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'Content-Type': 'application/json', 'X-Rollout-Request': '1' },
    });
  }

  /** Who the caller is. */
  me() {
    return this.get('/api/v1/me');
  }

  /** All Rollouts, page by page: `page(items, total)` hears of each as it comes. Resolves with all of them. */
  async everyRollout(page = () => {}, { signal } = {}) {
    const found = [];
    let after = '';
    do {
      const asked = new URLSearchParams({ limit: String(MOST), ...(after && { continue: after }) });
      const one = await this.get(`${ROLLOUTS}?${asked}`, { signal });
      found.push(...one.items);
      page(one.items, one.total);
      after = one.continue;
    } while (after);
    return found;
  }

  /** Note what went wrong while reading: pages that show older things are then marked. */
  failed(error) {
    if (error instanceof Failure && error.status === 401) this.tell('unknown', error);
    else if (error instanceof Failure && error.isPassing) this.#changed(error);
  }

  #changed(trouble) {
    this.trouble = trouble;
    this.tell('change');
  }

  async #asked(path, { signal, headers, ...how }) {
    const patience = AbortSignal.timeout(PATIENCE_MS);
    let answer;
    let text;
    try {
      answer = await fetch(path, {
        ...how,
        headers: { Accept: 'application/json', ...headers },
        credentials: 'same-origin',
        cache: 'no-store',
        signal: signal ? AbortSignal.any([signal, patience]) : patience,
      });
      text = await answer.text();
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Failure(0, 'the controller does not answer');
    }
    const found = parsed(text);
    if (answer.ok) return found;
    throw new Failure(answer.status, spelled(found?.detail) || `the controller answers ${answer.status}`);
  }
}

/** The address of a Rollout in the API. */
export function rolloutPath(namespace, name) {
  return `${ROLLOUTS}/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
}

/** The address of a MeshMigration in the API. */
export function migrationPath(name) {
  return `/api/v1/meshmigrations/${encodeURIComponent(name)}`;
}

/** What a body says in JSON; null for one that is none. */
export function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** A refusal as a sentence: the API says a text, or a list of what is wrong where in the body. */
export function spelled(detail) {
  if (typeof detail === 'string') return detail;
  if (!Array.isArray(detail)) return '';
  return detail.map((one) => `${(one.loc ?? []).slice(-1)}: ${one.msg}`).join('; ');
}
