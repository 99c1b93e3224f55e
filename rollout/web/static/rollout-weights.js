// Which weight is wanted, which one do the routes give, and how did both come about?

import { chart, timeWords } from './charts.js';
import { h, mark, say } from './dom.js';
import { fresh } from './fresh.js';
import { badge } from './marks.js';

const PASSED = 'M3 8.5l3.2 3.2L13 5';
const WAITS = 'M8 4.5V8l2.5 1.5';

/** The panel: {node, show(read)}. */
export function weights() {
  const routes = h('div', { class: 'routes' });
  const note = h('p', { class: 'soft small' });
  const drawn = chart(170);
  const node = h('section', { class: 'panel', 'aria-labelledby': 'weights' }, h('h2', { id: 'weights' }, 'Weight'), routes, drawn.node, note);
  return {
    node,
    show: ({ why: { account }, trace }) => {
      const run = trace.runs[0];
      mark(node, { hidden: !run && account.weights.length === 0 });
      fresh(routes, account.weights, () => (account.weights.length ? [routeTable(account.weights)] : []));
      mark(drawn.node, { hidden: !run?.weights.length });
      if (run?.weights.length) drawn.show(overTime(run, trace));
      say(note, run ? seenSince(run, trace) : '');
    },
  };
}

/** From when on the run was seen, where that is not its whole time; "" where it is. */
export function seenSince(run, trace) {
  const which = run.ended ? `Run ${run.run} ended ${run.outcome ? `as ${run.outcome} ` : ''}at ${new Date(run.ended).toLocaleString()}. ` : '';
  if (new Date(run.since) - new Date(run.started) < 60_000) return which;
  return `${which}This replica has looked since ${new Date(trace.since).toLocaleString()} and saw the run from ${new Date(run.since).toLocaleString()} on; it began before that.`;
}

/** When a chart of the run begins and ends, in ms. */
export function spanOf(run, trace) {
  return { from: new Date(run.since).getTime(), to: new Date(run.ended ?? trace.now).getTime() };
}

function routeTable(found) {
  return h('table', { class: 'plain-table', role: 'table' }, h('caption', { class: 'unseen' }, 'Weight on each route'),
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, ...['Route', 'Wanted', 'Measured', 'State'].map((word) => h('th', { role: 'columnheader', scope: 'col' }, word)))),
    h('tbody', { role: 'rowgroup' }, ...found.map(({ route, wanted, seen, problem }) => h('tr', { role: 'row' },
      h('th', { role: 'rowheader', scope: 'row' }, route), h('td', { role: 'cell', 'data-word': 'Wanted' }, percent(wanted)),
      h('td', { role: 'cell', 'data-word': 'Measured' }, between(seen)),
      h('td', { role: 'cell', 'data-word': 'State' }, state(wanted, seen, problem))))));
}

function state(wanted, { lowest, highest }, problem) {
  if (problem) return badge('bad', problem);
  if (wanted === null) return badge('none', 'nothing wanted');
  return lowest === wanted && highest === wanted ? badge('good', 'in force', PASSED) : badge('held', 'not in force', WAITS);
}

function percent(value) {
  return value === null ? '–' : `${Number(value.toPrecision(3))} %`;
}

function between({ lowest, highest }) {
  return lowest === highest ? percent(lowest) : `${percent(lowest)} to ${percent(highest)}`;
}

function overTime(run, trace) {
  const { from, to } = spanOf(run, trace);
  const at = (iso) => new Date(iso).getTime();
  const last = run.weights.at(-1);
  const end = run.ended ? at(last.until) : to;
  const points = (side) => [...run.weights.map((one) => ({ at: at(one.at), value: one[side] })), { at: end, value: last[side] }];
  const apart = run.weights.some(({ lowest, highest }) => lowest !== highest);
  const lines = [
    { name: 'wanted', kind: 'wanted', isStep: true, points: points('wanted') },
    { name: apart ? 'measured, highest' : 'measured', kind: 'measured', isStep: true, points: points('highest') },
    ...(apart ? [{ name: 'measured, lowest', kind: 'measured-low', isStep: true, points: points('lowest') }] : []),
  ];
  return {
    from, to, unit: '%', least: 100, lines, limits: [], name: `weight of ${run.revision}`,
    label: `Weight of ${run.revision} in run ${run.run}: from ${percent(run.weights[0].wanted)} to ${percent(last.wanted)} wanted, ${between(last)} measured last. All numbers are in the table below.`,
    columns: ['From', 'Step', 'Wanted', 'Measured'],
    rows: run.weights.map((one) => [timeWords(at(one.at), to - from), one.step, percent(one.wanted), between(one)]),
  };
}
