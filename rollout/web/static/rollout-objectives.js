// What do the objectives say of the canary, by which numbers, and how did those develop?

import { chart, timeWords } from './charts.js';
import { h, keyed, mark, say } from './dom.js';
import { fresh } from './fresh.js';
import { figure, showVerdict, span, verdictBadge } from './marks.js';
import { seenSince, spanOf } from './rollout-weights.js';
import { now } from './server-clock.js';

const COLUMNS = ['Objective', 'Verdict', 'Value', 'Limit', 'Requests', 'Evidence', 'Judged'];
const VERDICTS = { PASS: 'pass', FAIL: 'fail', INCONCLUSIVE: 'not enough yet' };

/** The panel: {node, show(read), tick}. */
export function objectives() {
  const body = h('tbody', { role: 'rowgroup' });
  const table = h('table', { class: 'plain-table judged', role: 'table' }, h('caption', { class: 'unseen' }, 'Objectives as last judged'),
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, ...COLUMNS.map((word) => h('th', { role: 'columnheader', scope: 'col' }, word)))), body);
  const outlook = h('p', { class: 'soft' });
  const figures = h('div', { class: 'figures' });
  const note = h('p', { class: 'soft small' });
  const node = h('section', { class: 'panel', 'aria-labelledby': 'objectives' }, h('h2', { id: 'objectives' }, 'Objectives'), outlook, table, figures, note);
  return {
    node,
    show: ({ why: { account }, trace }) => {
      const run = trace.runs[0];
      const lines = run?.lines.filter(({ points }) => points.length) ?? [];
      mark(node, { hidden: account.objectives.length + lines.length === 0 });
      mark(table, { hidden: account.objectives.length === 0 });
      say(outlook, account.run?.outlook ? capital(account.run.outlook) : '');
      mark(outlook, { hidden: !outlook.textContent });
      keyed(body, account.objectives, { key: ({ name }) => name, make: row, update: updateRow });
      keyed(figures, drawings(lines, run, trace), { key: ({ key }) => key, make: drawing, update: (one, { title, data }) => one.show(title, data) });
      say(note, run ? seenSince(run, trace) : '');
    },
    tick: () => body.querySelectorAll('[data-at]').forEach(aged),
  };
}

function row() {
  const cells = COLUMNS.slice(1).map((word) => h('td', { role: 'cell', 'data-word': word }));
  cells[0].append(verdictBadge(null));
  return h('tr', { role: 'row' }, h('th', { role: 'rowheader', scope: 'row' }), ...cells);
}

function updateRow(tr, one) {
  const [name, verdict, ...rest] = tr.children;
  fresh(name, [one.name, one.message, one.query, one.mode], () => [h('span', { class: 'called' }, one.name),
    one.mode === 'observe' ? h('span', { class: 'soft small' }, ' only shown, never decides') : null,
    h('span', { class: 'soft small said' }, `${one.code}: ${one.message}`), h('code', { class: 'small query' }, one.query)]);
  showVerdict(verdict.firstChild, one.verdict);
  const words = [one.value || '–', one.limit || '–', one.samples === null ? '–' : figure(one.samples), evidenceWords(one.evidence)];
  words.forEach((text, index) => say(rest[index], text));
  aged(mark(rest[4], { 'data-at': one.at }));
}

function aged(cell) {
  say(cell, `${span(now() - new Date(cell.dataset.at))} ago`);
}

/** Evidence begins at 1, which is none; less than that speaks for the canary. */
function evidenceWords(evidence) {
  if (!evidence) return '–';
  const { value, needed } = weighed(evidence);
  return value !== null && value < 1 ? `none so far, rolls back at ${needed}` : `${evidence} that roll it back`;
}

/** What is drawn: each objective's values, and its evidence where it gathers some. */
function drawings(lines, run, trace) {
  return lines.flatMap((line) => [
    { key: line.name, title: line.name, data: values(line, run, trace) },
    ...(line.points.some(({ evidence }) => evidence) ? [{ key: `${line.name} evidence`, title: `${line.name}: evidence against the canary`, data: evidence(line, run, trace) }] : []),
  ]);
}

function drawing() {
  const title = h('h3', {});
  const drawn = chart(150);
  return Object.assign(h('div', { class: 'figure-card' }, title, drawn.node), { show: (words, data) => {
    say(title, words);
    drawn.show(data);
  } });
}

function values(line, run, trace) {
  const { from, to } = spanOf(run, trace);
  const points = line.points.map(({ at, number, verdict }) => ({ at: new Date(at).getTime(), value: number, verdict }));
  const last = points.at(-1);
  const limits = [['at least', line.above], ['at most', line.below]].filter(([, value]) => value !== null)
    .map(([word, value]) => ({ value, words: `${line.unit ? word : word === 'at least' ? 'above' : 'below'} ${Number(value.toPrecision(4))}${line.unit}` }));
  return {
    from, to, unit: line.unit, limits, name: line.name,
    lines: [{ name: 'value', kind: 'value', points: points.map(({ at, value }) => ({ at, value })) }],
    dots: points.map(({ at, value, verdict }) => ({ at, value, kind: verdict, words: `${timeWords(at, to - from)}: ${valueWords(line, value)}, ${VERDICTS[verdict]}` })),
    label: `${line.name} in run ${run.run}, limit ${line.limit}: ${valueWords(line, last.value)} at last, ${VERDICTS[last.verdict]}; ${points.filter(({ verdict }) => verdict === 'FAIL').length} of ${points.length} looks failed. All numbers are in the table below.`,
    columns: ['At', 'Value', 'Verdict', 'Requests', 'Evidence'],
    rows: line.points.map((one) => [timeWords(new Date(one.at).getTime(), to - from), one.value || '–', VERDICTS[one.verdict], one.samples === null ? '–' : figure(one.samples), one.evidence || '–']),
  };
}

function valueWords({ unit }, value) {
  return value === null ? 'no value' : `${value}${unit}`;
}

function evidence(line, run, trace) {
  const { from, to } = spanOf(run, trace);
  const points = line.points.filter((one) => one.evidence).map((one) => ({ at: new Date(one.at).getTime(), ...weighed(one.evidence), words: one.evidence, verdict: one.verdict }));
  const needed = points.at(-1).needed;
  return {
    from, to, unit: '', isLog: true, name: `evidence of ${line.name}`, limits: needed === null ? [] : [{ value: needed, words: `rolls back at ${needed}` }],
    lines: [{ name: 'evidence', kind: 'value', points: points.map(({ at, value }) => ({ at, value })) }],
    dots: points.map(({ at, value, verdict, words }) => ({ at, value, kind: verdict, words: `${timeWords(at, to - from)}: ${words}` })),
    label: `Evidence against the canary by ${line.name}: ${points.at(-1).words} at last, where 1 is none. All numbers are in the table below.`,
    columns: ['At', 'Evidence'],
    rows: points.map(({ at, words }) => [timeWords(at, to - from), words]),
  };
}

/** "12 of 125", "over 1000000 of 125" as numbers. */
function weighed(words) {
  const [worth, needed] = words.split(' of ').map((one) => Number.parseFloat(one.replace('over ', '')));
  return { value: Number.isFinite(worth) ? worth : null, needed: Number.isFinite(needed) ? needed : null };
}

function capital(words) {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
