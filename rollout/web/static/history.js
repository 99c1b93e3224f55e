// How did the last runs go, and who did what?

import { h, keyed, mark, say } from './dom.js';
import { fresh } from './fresh.js';
import { badge, moment, prose, span } from './marks.js';

const TONES = { Promoted: 'good', Failed: 'bad', Aborted: 'bad', Returned: 'held', Superseded: 'none' };
const SIGNS = { good: 'M3 8.5l3.2 3.2L13 5', bad: 'M4 4l8 8M12 4l-8 8', held: 'M6 3.5L3 6.5l3 3M3.5 6.5H10a3 3 0 010 6H7' };
const RUNS = ['Run', 'Revision', 'From', 'Outcome', 'Ended', 'Took', 'Why'];
const DEEDS = ['At', 'Who', 'What', 'Run', 'Channel', 'Result', 'Reason'];

/** The panel of runs: {node, show(read)}. */
export function history() {
  const body = h('tbody', { role: 'rowgroup' });
  const list = tabled('The last runs', RUNS, body);
  const none = h('p', { class: 'soft' }, 'There has been no run yet.');
  return {
    node: h('section', { class: 'panel', 'aria-labelledby': 'history' }, h('h2', { id: 'history' }, 'History'), none, list),
    show: ({ history: { runs } }) => {
      mark(none, { hidden: runs.length > 0 });
      mark(list, { hidden: runs.length === 0 });
      keyed(body, runs, { key: ({ run, ended }) => `${run} ${ended}`, make: () => row(RUNS), update: (tr, one) => filled(tr, one, past) });
    },
  };
}

/** The panel of deeds: {node, show(read)}. */
export function audit() {
  const body = h('tbody', { role: 'rowgroup' });
  const list = tabled('Who did what', DEEDS, body);
  const note = h('p', { class: 'soft' });
  return {
    node: h('section', { class: 'panel', 'aria-labelledby': 'audit' }, h('h2', { id: 'audit' }, 'Audit trail'), note, list),
    show: ({ audit: { entries, unread } }) => {
      say(note, unread ? `What was refused or is not answered yet is not here: ${unread}.` : entries.length ? '' : 'Nobody has done anything yet.');
      mark(note, { hidden: !note.textContent });
      mark(list, { hidden: entries.length === 0 });
      const keys = new Map();
      keyed(body, entries, { key: (one) => unique(keys, one), make: () => row(DEEDS), update: (tr, one) => filled(tr, one, deed) });
    },
  };
}

/** A key that two deeds of the same moment do not share. */
function unique(keys, { at, verb, by, command }) {
  const name = command ?? `${at} ${verb} ${by}`;
  const times = keys.get(name) ?? 0;
  keys.set(name, times + 1);
  return times ? `${name} ${times}` : name;
}

function tabled(caption, columns, body) {
  return h('table', { class: 'plain-table', role: 'table' }, h('caption', { class: 'unseen' }, caption),
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, ...columns.map((word) => h('th', { role: 'columnheader', scope: 'col' }, word)))), body);
}

function row(columns) {
  return h('tr', { role: 'row' }, ...columns.map((word, index) => h(index ? 'td' : 'th', {
    role: index ? 'cell' : 'rowheader', scope: index ? null : 'row', 'data-word': word,
  })));
}

function filled(tr, one, cells) {
  cells(one).forEach((words, index) => fresh(tr.children[index], [one, index], () => words));
}

function past({ run, revision, stable, outcome, started, ended, message }) {
  const tone = TONES[outcome] ?? 'none';
  return [run, revision, stable || '–', badge(tone, outcome, SIGNS[tone] ?? ''), moment(ended), span(new Date(ended) - new Date(started)), prose(message)];
}

function deed({ at, by, verb, run, step, revision, channel, provenBy, result, message, reason, command }) {
  const where = run === null ? '–' : `${run}${step === null ? '' : `, step ${step}`}${revision ? ` (${revision})` : ''}`;
  const from = [channel || '–', provenBy ? h('span', { class: 'soft small said' }, `proven by ${provenBy}`) : null];
  return [moment(at), by, verb, where, from, [answered(result), message ? h('span', { class: 'soft small said' }, prose(message)) : null],
    [reason || '–', command ? h('span', { class: 'soft small said' }, command) : null]];
}

function answered(result) {
  if (result === 'Accepted') return badge('good', 'Accepted', SIGNS.good);
  if (result === 'Refused') return badge('bad', 'Refused', SIGNS.bad);
  return badge('held', 'Unanswered');
}
