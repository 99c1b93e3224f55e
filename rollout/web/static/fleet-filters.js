// By what is the fleet narrowed down, and in which order is it?

import { ANYTHING } from './choosing.js';
import { h, mark, put, say } from './dom.js';
import { COLUMNS } from './fleet-rows.js';
import { PHASE_ORDER, figure, personSymbol, phaseWord } from './marks.js';

const CHIPS = ['', ...PHASE_ORDER];

/** Search, namespace, order, phase and "needs a person". change({...}) hears what is wanted anew. */
export class Filters {
  #change;
  #want;
  #search;
  #space;
  #turns;
  #person;
  #phases;

  constructor(want, change) {
    this.#want = want;
    this.#change = change;
    this.#search = this.#searchField(want.q);
    this.#space = h('select', { id: 'namespace', onchange: () => change({ ns: this.#space.value }) });
    this.#turns = this.#orders();
    this.#person = h('button', { type: 'button', class: 'chip', onclick: () => change({ person: !this.#want.person }) },
      personSymbol(), 'Needs a person ', h('span', { class: 'many' }));
    this.#phases = CHIPS.map((phase) => h('button', {
      type: 'button', class: 'chip', onclick: () => change({ phase: this.#want.phase === phase ? '' : phase }),
    }, phase ? phaseWord(phase) : 'All', ' ', h('span', { class: 'many' })));
    this.node = this.#arranged();
  }

  /** Show what is wanted now, and how many there are of each. rows: all of them; counts: by phase, as `choosing.counts`. */
  show(want, rows, counts) {
    this.#want = want;
    spaces(this.#space, new Set([...rows.map((row) => row.namespace), ...(want.ns ? [want.ns] : [])]), want.ns);
    this.#turns.value = `${want.down ? '-' : ''}${want.sort}`;
    mark(this.#person, { 'aria-pressed': String(want.person) });
    say(this.#person.querySelector('.many'), figure(rows.filter((row) => row.needsPerson).length));
    this.#phases.forEach((chip, index) => {
      mark(chip, { 'aria-pressed': String(want.phase === CHIPS[index]) });
      say(chip.querySelector('.many'), figure(counts.get(CHIPS[index]) ?? 0));
    });
  }

  /** Let somebody type what he looks for. */
  search() {
    this.#search.focus();
    this.#search.select();
  }

  /** Want all of them again. */
  clear() {
    this.#search.value = '';
    const { q, ns, phase, person } = ANYTHING;
    this.#change({ q, ns, phase, person });
    this.#search.focus();
  }

  #searchField(words) {
    const search = h('input', {
      type: 'search', id: 'search', placeholder: 'Search by name, revision or reason', autocomplete: 'off', spellcheck: 'false',
      'aria-keyshortcuts': '/', oninput: () => this.#change({ q: search.value }),
      onkeydown: (event) => event.key === 'Escape' && this.#left(event),
    });
    search.value = words;
    return search;
  }

  #left(event) {
    event.preventDefault();
    if (!this.#search.value) {
      this.#search.blur();
      return;
    }
    this.#search.value = '';
    this.#change({ q: '' });
  }

  /** Where there is no room for heads of columns. */
  #orders() {
    const turns = h('select', { id: 'turn', onchange: () => {
      this.#change({ sort: turns.value.replace('-', ''), down: turns.value.startsWith('-') });
    } }, ...COLUMNS.flatMap(({ id, word }) => [h('option', { value: id }, `${word} ↑`), h('option', { value: `-${id}` }, `${word} ↓`)]));
    return turns;
  }

  #arranged() {
    const named = (words, ...what) => [h('span', { class: 'unseen' }, words), ...what];
    return h('search', { class: 'filters' },
      h('div', { class: 'fields' },
        h('label', { class: 'field grow' }, ...named('Search', this.#search, h('kbd', { 'aria-hidden': 'true' }, '/'))),
        h('label', { class: 'field' }, ...named('Namespace', this.#space)),
        h('label', { class: 'field turns' }, ...named('Order by', this.#turns)), this.#person),
      h('div', { class: 'chips', role: 'group', 'aria-label': 'Phase' }, ...this.#phases));
  }
}

function spaces(select, names, chosen) {
  const wanted = ['', ...[...names].sort()];
  if (select.options.length !== wanted.length || wanted.some((name, index) => select.options[index].value !== name)) {
    put(select, ...wanted.map((name) => h('option', { value: name }, name || 'All namespaces')));
  }
  select.value = chosen;
}
