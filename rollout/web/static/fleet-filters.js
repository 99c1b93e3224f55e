// By what is the fleet narrowed down?

import { ANYTHING } from './choosing.js';
import { COLUMNS } from './fleet-rows.js';
import { h, mark, put, say } from './dom.js';
import { PHASE_ORDER, figure, personSymbol, phaseWord } from './marks.js';

/**
 * Search, namespace, phase and "needs a person". change({...}) hears what is wanted now.
 * The answer: {node, show(want, rows, counts), search(), clear()}.
 */
export function filters(want, change) {
  const search = h('input', {
    type: 'search', id: 'search', placeholder: 'Search by name, revision or reason', autocomplete: 'off', spellcheck: 'false',
    'aria-keyshortcuts': '/', oninput: () => change({ q: search.value }),
    onkeydown: (event) => event.key === 'Escape' && left(event),
  });
  const space = h('select', { id: 'namespace', onchange: () => change({ ns: space.value }) });
  const turns = h('select', { id: 'turn', onchange: () => change({ sort: turns.value.replace('-', ''), down: turns.value.startsWith('-') }) },
    ...COLUMNS.flatMap(({ id, word }) => [h('option', { value: id }, `${word} ↑`), h('option', { value: `-${id}` }, `${word} ↓`)]));
  const person = h('button', { type: 'button', class: 'chip', onclick: () => change({ person: !now.person }) },
    personSymbol(), 'Needs a person ', h('span', { class: 'many' }));
  const phases = ['', ...PHASE_ORDER].map((phase) => h('button', {
    type: 'button', class: 'chip', onclick: () => change({ phase: now.phase === phase ? '' : phase }),
  }, phase ? phaseWord(phase) : 'All', ' ', h('span', { class: 'many' })));
  let now = want;
  search.value = want.q;

  function left(event) {
    event.preventDefault();
    if (search.value) {
      search.value = '';
      change({ q: '' });
    } else search.blur();
  }

  function show(wanted, rows, counts) {
    now = wanted;
    spaces(space, new Set([...rows.map((row) => row.namespace), ...(now.ns ? [now.ns] : [])]), now.ns);
    turns.value = `${now.down ? '-' : ''}${now.sort}`;
    mark(person, { 'aria-pressed': String(now.person) });
    say(person.querySelector('.many'), figure(rows.filter((row) => row.needsPerson).length));
    phases.forEach((chip, index) => {
      const phase = ['', ...PHASE_ORDER][index];
      mark(chip, { 'aria-pressed': String(now.phase === phase) });
      say(chip.querySelector('.many'), figure(counts.get(phase) ?? 0));
    });
  }

  return {
    node: h('search', { class: 'filters' },
      h('div', { class: 'fields' },
        h('label', { class: 'field grow' }, h('span', { class: 'unseen' }, 'Search'), search, h('kbd', { 'aria-hidden': 'true' }, '/')),
        h('label', { class: 'field' }, h('span', { class: 'unseen' }, 'Namespace'), space),
        h('label', { class: 'field turns' }, h('span', { class: 'unseen' }, 'Order by'), turns), person),
      h('div', { class: 'chips', role: 'group', 'aria-label': 'Phase' }, ...phases)),
    show,
    search: () => {
      search.focus();
      search.select();
    },
    clear: () => {
      search.value = '';
      const { q, ns, phase, person: isPerson } = ANYTHING;
      change({ q, ns, phase, person: isPerson });
      search.focus();
    },
  };
}

function spaces(select, names, chosen) {
  const wanted = ['', ...[...names].sort()];
  if (wanted.join() !== [...select.options].map((option) => option.value).join()) {
    put(select, ...wanted.map((name) => h('option', { value: name }, name || 'All namespaces')));
  }
  select.value = chosen;
}
