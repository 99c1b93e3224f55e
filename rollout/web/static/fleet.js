// How does the whole fleet stand, and which Rollouts of it does somebody look for?

import { rolloutPath } from './api.js';
import { asRow, chosen, counts, fromQuery, toQuery } from './choosing.js';
import { h, mark, put, say } from './dom.js';
import { Filters } from './fleet-filters.js';
import { COLUMNS, fill, firstHold, line } from './fleet-rows.js';
import { Grid } from './grid.js';
import { counted, figure } from './marks.js';
import { kept } from './reading.js';
import { isTyping } from './shell.js';
import { empty, loading, refused } from './states.js';

const TOGETHER_MS = 400; // changes in this time are read together
const MOST_SINGLE = 20; // more than that are read with all the others
const CALM_MS = 5_000; // the whole fleet is not read more often,
const CALM_TIMES = 20; // nor so often that reading takes more than a twentieth of the time
const remembered = { user: undefined, rows: new Map(), opened: '' };

/** Show the fleet; answers how to leave it. */
export async function show(root, { query }, ctx) {
  if (remembered.user !== ctx.me?.user) Object.assign(remembered, { user: ctx.me?.user, rows: new Map(), opened: '' });
  const page = new Fleet(root, fromQuery(query), ctx);
  page.start();
  return () => page.stop();
}

class Fleet {
  #ctx;
  #want;
  #table;
  #filters;
  #root;
  #below = h('div', {});
  #count = h('p', { class: 'count', role: 'status' });
  #rows = remembered.rows;
  #total = 0;
  #isWhole = false;
  #isReading = false;
  #changed = new Set();
  #timer = 0;
  #readAt = 0;
  #calm = CALM_MS;
  #ends = [];
  #reading;

  constructor(root, want, ctx) {
    this.#root = root;
    this.#want = want;
    this.#ctx = ctx;
    this.#isWhole = this.#rows.size > 0;
    this.#table = new Grid({ columns: COLUMNS, caption: 'Rollouts', make: line, update: fill, sort: (id) => this.#sort(id) });
    this.#filters = new Filters(want, (change) => this.#choose(change));
    this.#reading = kept(ctx.api, (signal) => this.#readAll(signal), (error) => put(root, refused(error)));
  }

  start() {
    const { live } = this.#ctx;
    const keys = (event) => this.#key(event);
    document.addEventListener('keydown', keys);
    this.#ends = [
      live.on('rollout', ({ namespace, name }) => this.#note(`${namespace}/${name}`)),
      live.on('reset', () => this.#reading.again()),
      () => document.removeEventListener('keydown', keys),
    ];
    put(this.#root, h('div', { class: 'head' }, h('h1', {}, 'Rollouts'), this.#count), this.#filters.node, this.#below);
    this.#draw();
    this.#table.focus(remembered.opened);
    this.#reading.begin(live);
  }

  stop() {
    const row = document.activeElement?.closest?.('tr');
    remembered.opened = row?.dataset.key ?? '';
    this.#ends.forEach((end) => end());
    clearTimeout(this.#timer);
    this.#reading.stop();
    this.#table.stop();
  }

  async #readAll(signal) {
    const begun = Date.now();
    const found = new Map();
    this.#isReading = true;
    try {
      await this.#ctx.api.everyRollout((items, total) => {
        for (const item of items) found.set(`${item.namespace}/${item.name}`, asRow(item));
        this.#total = total;
        if (this.#isWhole) return;
        this.#rows = found;
        this.#draw();
      }, { signal });
    } finally {
      this.#isReading = false;
    }
    this.#isWhole = true;
    this.#readAt = Date.now();
    this.#calm = Math.max(CALM_MS, CALM_TIMES * (this.#readAt - begun));
    this.#rows = found;
    remembered.rows = found;
    this.#draw();
    if (this.#changed.size) this.#soon();
  }

  #note(key) {
    this.#changed.add(key);
    this.#soon();
  }

  #soon() {
    if (this.#timer) return;
    const rest = this.#changed.size > MOST_SINGLE ? this.#readAt + this.#calm - Date.now() : 0;
    this.#timer = setTimeout(() => this.#catchUp(), Math.max(TOGETHER_MS, rest));
  }

  async #catchUp() {
    this.#timer = 0;
    if (this.#isReading || !this.#isWhole) return; // what changes while all is read is read after it
    const keys = [...this.#changed];
    this.#changed.clear();
    if (keys.length > MOST_SINGLE) {
      this.#reading.again();
      return;
    }
    try {
      await Promise.all(keys.map((key) => this.#readOne(key)));
    } catch (error) {
      this.#ctx.api.failed(error);
      this.#reading.again();
      return;
    }
    this.#draw();
  }

  async #readOne(key) {
    const [namespace, name] = key.split('/');
    try {
      const row = asRow((await this.#ctx.api.get(rolloutPath(namespace, name))).summary);
      this.#tell(this.#rows.get(key), row);
      this.#rows.set(key, row);
    } catch (error) {
      if (error.status !== 404 && error.status !== 403) throw error;
      this.#rows.delete(key);
    }
    this.#total = this.#rows.size;
  }

  /** News that somebody would want to hear without looking. */
  #tell(old, row) {
    if (row.needsPerson && !old?.needsPerson) this.#ctx.say(`${row.key} waits for a person: ${firstHold(row.holds)?.message ?? ''}`);
    else if (row.phase === 'Failed' && old?.phase !== 'Failed') this.#ctx.say(`${row.key} failed`);
  }

  #choose(change) {
    this.#want = { ...this.#want, ...change };
    history.replaceState(history.state, '', location.pathname + toQuery(this.#want));
    this.#draw();
  }

  #sort(id) {
    this.#choose({ sort: id, down: this.#want.sort === id && !this.#want.down });
  }

  #draw() {
    const rows = [...this.#rows.values()];
    const found = chosen(rows, this.#want);
    this.#filters.show(this.#want, rows, counts(rows, this.#want));
    mark(this.#filters.node, { hidden: rows.length === 0 });
    this.#table.sorted(this.#want.sort, this.#want.down);
    say(this.#count, this.#words(found.length));
    mark(this.#count, { 'aria-live': this.#isWhole ? null : 'off' }); // who hears the page need not count along
    const state = found.length ? 'rows' : !this.#isWhole ? 'reading' : rows.length ? 'none like this' : 'none';
    if (this.#below.dataset.state !== state) put(mark(this.#below, { 'data-state': state }), this.#what(state));
    this.#table.show(found);
  }

  #words(found) {
    if (!this.#rows.size) return '';
    if (!this.#isWhole) return `${figure(this.#rows.size)} of ${counted(this.#total, 'Rollout')} read`;
    return found === this.#rows.size ? counted(found, 'Rollout') : `${figure(found)} of ${counted(this.#rows.size, 'Rollout')}`;
  }

  #what(state) {
    if (state === 'rows') return this.#table.node;
    if (state === 'reading') return loading('Rollouts');
    if (state === 'none like this') {
      return empty('No Rollout is like this', 'None matches what is looked for.',
        h('button', { type: 'button', class: 'button', onclick: () => this.#filters.clear() }, 'Show all'));
    }
    if (this.#ctx.me?.open ?? true) {
      return empty('There is no Rollout yet', 'A Rollout says which revision of a service git wants live, and by which steps.',
        h('span', {}, h('code', {}, 'rollout init'), ' writes one for a service that runs already.'));
    }
    return empty('There is no Rollout that you may see', 'Either there is none, or you may list them in no namespace.',
      h('span', {}, 'An administrator gives that right by the ClusterRole ', h('code', {}, 'rollout-view'), '.'));
  }

  #key(event) {
    if (isTyping(event) || document.querySelector('dialog[open]')) return;
    const moves = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };
    if (event.key === '/') this.#filters.search();
    else if (event.key in moves && !event.shiftKey) this.#table.move(moves[event.key]);
    else return;
    event.preventDefault();
  }
}
