// How does a page read what it shows, again when that changed, and again when nobody answered?

import { waiting } from './live.js';

/**
 * Keep something read. load(signal) reads and shows it; failed(error) hears of a refusal that trying again does not mend.
 * The answer is {again, stop}: `again` reads once more, and many of them in short time read no more than twice.
 */
export function kept(api, load, failed) {
  let running = null;
  let isOwed = false;
  let failures = 0;
  let timer = 0;
  let isStopped = false;

  async function once() {
    clearTimeout(timer);
    running = new AbortController();
    try {
      await load(running.signal);
      failures = 0;
    } catch (error) {
      if (!isStopped) taken(error);
    } finally {
      running = null;
    }
    if (isOwed && !isStopped) {
      isOwed = false;
      await once();
    }
  }

  function taken(error) {
    api.failed(error);
    if (error.isPassing) {
      clearTimeout(timer);
      timer = setTimeout(again, waiting(failures++));
    } else if (error.status !== 401) {
      failed(error);
    }
  }

  function again() {
    if (isStopped) return Promise.resolve();
    if (!running) return once();
    isOwed = true;
    return Promise.resolve();
  }

  function stop() {
    isStopped = true;
    clearTimeout(timer);
    running?.abort();
  }

  return { again, stop };
}
