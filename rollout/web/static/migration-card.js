// How does a migration look among others?

import { h, put } from './dom.js';
import { badge, counted, percentBar, personSymbol, prose, warningSymbol } from './marks.js';
import { placed, stepsOf } from './stages.js';

const PAUSE = 'M5.5 3.5v9M10.5 3.5v9';
const DONE = 'M3 8.5l3.2 3.2L13 5';
const MOVE = 'M3 11.5l4-4 2.5 2.5L13 5M9.5 5H13v3.5';

/** Bring a card up to date. */
export function migrationCard(node, migration) {
  const words = JSON.stringify(migration);
  if (node.shown === words) return;
  node.shown = words;
  const hadFocus = node.contains(document.activeElement);
  put(node, h('article', { class: 'panel card' },
    h('div', { class: 'line' }, h('h2', {}, h('a', { class: 'row-link', href: `/meshmigrations/${encodeURIComponent(migration.name)}` }, migration.name)),
      ...standing(migration)),
    h('p', { class: 'soft' }, kindWords(migration)),
    progress(migration), steps(migration), ...waiting(migration)));
  if (hadFocus) node.querySelector('a').focus({ preventScroll: true });
}

/** What the migration moves where, in words. */
export function kindWords({ mesh, target, total }) {
  if (!mesh) return counted(total, 'namespace');
  return `${counted(total, 'namespace')} into ${mesh}, to ${target === 'strict' ? 'STRICT' : target}`;
}

/** Badges that say how a migration stands. */
export function standing(migration) {
  const { paused, done, total, needsPerson, error } = migration;
  if (error) return [badge('bad', 'Cannot be read', 'M4 4l8 8M12 4l-8 8')];
  if (paused) return [badge('held', 'Paused', PAUSE)];
  if (total && done === total) return [badge('good', 'Done', DONE)];
  return [badge('busy', 'Moving', MOVE), needsPerson ? h('span', { class: 'badge', 'data-tone': 'held' }, personSymbol(), 'Needs a person') : null];
}

/** How many namespaces are done, as a bar and in words. */
export function progress({ done, total }) {
  return h('div', { class: 'weight' }, percentBar(total ? (100 * done) / total : 0), h('span', {}, `${done} of ${total} done`));
}

/** How many namespaces are at each step. */
export function steps({ namespaces, target }) {
  const columns = stepsOf(target);
  const at = namespaces.map((one) => placed(one.stage, columns).at);
  return h('ol', { class: 'track', 'aria-label': 'Namespaces by step' }, ...columns.map(({ word }, index) => {
    const many = at.filter((one) => one === index).length;
    return h('li', { 'data-many': many ? 'some' : 'none' }, h('span', { class: 'many' }, many), ' ', h('span', { class: 'word' }, word));
  }));
}

/** What the migration as a whole waits for, or what is next. */
export function waiting({ error, paused, holds, next }) {
  if (error) return [h('p', { class: 'hold' }, warningSymbol(), h('span', {}, prose(error)))];
  const lines = holds.filter(({ code }) => !(paused && code === 'Paused'))
    .map(({ message, warning, needsPerson }) => h('p', { class: 'hold' }, needsPerson ? personSymbol() : warning ? warningSymbol() : null, h('span', {}, prose(message))));
  if (paused) lines.unshift(h('p', { class: 'hold' }, personSymbol(), h('span', {}, prose(`Paused by ${paused}`))));
  if (next) lines.push(h('p', { class: 'hold soft' }, h('span', {}, prose(`Next: ${next}`))));
  return lines;
}
