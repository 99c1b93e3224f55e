// How does a Rollout look in a line?

import { h, mark, put, say } from './dom.js';
import {
  personSymbol, phaseBadge, prose, showPhase, showVerdict, showWeight, stepWords, verdictBadge, warningSymbol, weightBar,
} from './marks.js';

/** The columns of the fleet. */
export const COLUMNS = [
  { id: 'name', word: 'Name' },
  { id: 'phase', word: 'Phase' },
  { id: 'revision', word: 'Revision' },
  { id: 'weight', word: 'Weight' },
  { id: 'step', word: 'Step', isNumber: true },
  { id: 'verdict', word: 'Verdict' },
  { id: 'waits', word: 'Waits for' },
];

/** The address of a Rollout's page. */
export function pageOf({ namespace, name }) {
  return `/rollouts/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
}

/** A line, to be filled. */
export function line(row) {
  const cells = {
    name: h('a', { class: 'row-link', href: pageOf(row) }, h('span', { class: 'space' }, row.namespace),
      h('span', { class: 'slash' }, '/'), h('span', { class: 'called' }, row.name)),
    phase: phaseBadge(row.phase),
    revision: h('span', { class: 'revisions' }),
    weight: weightBar(row.weight),
    step: h('span', { class: 'steps' }),
    verdict: verdictBadge(row.verdict),
    waits: h('span', { class: 'waits' }),
  };
  return h('tr', {}, ...COLUMNS.map(({ id, isNumber }) => h('td', {
    role: 'cell', 'data-column': id, class: isNumber ? 'number' : null,
  }, cells[id])));
}

/** Bring a line up to date. */
export function fill(tr, row) {
  const [, phase, revision, weight, step, verdict, waits] = [...tr.children].map((td) => td.firstElementChild);
  showPhase(phase, row.phase);
  put(revision, ...revisions(row));
  showWeight(weight, row.weight);
  say(step, stepWords(row));
  showVerdict(verdict, row.verdict);
  put(waits, ...waiting(row));
  mark(tr, { 'data-person': row.needsPerson });
}

function revisions({ stable, revision }) {
  if (!revision || stable === revision) return [stable ?? '–'];
  return [h('span', { class: 'former' }, stable ?? 'none'), h('span', { class: 'unseen' }, ' to '),
    h('span', { class: 'to', 'aria-hidden': 'true' }, ' → '), revision];
}

/** What should be read first: what waits for a person, else what comes first; undefined for nothing. */
export function firstHold(holds) {
  return holds.find((hold) => hold.needsPerson) ?? holds[0];
}

function waiting(row) {
  if (row.error) return [warningSymbol(), h('span', { class: 'words' }, prose(row.error))];
  const first = firstHold(row.holds);
  const others = row.holds.filter((hold) => hold !== first);
  if (!first) return [h('span', { class: 'words next' }, prose(row.next))];
  const sign = first.needsPerson ? [personSymbol(), h('span', { class: 'unseen' }, 'Needs a person: ')]
    : first.warning ? [warningSymbol()] : [];
  return [...sign, h('span', { class: 'words' }, prose(first.message)),
    others.length ? h('span', { class: 'more', title: others.map((hold) => hold.message).join('\n') }, `+${others.length}`) : null];
}
