// How is something over time drawn, so that it is read without colours, on a telephone and by a screen reader, too?

import { h, mark, put, say, svg } from './dom.js';

const PAD = { left: 46, right: 12, top: 10, bottom: 22 };
const DOT = 3;
const MOST_ROWS = 240;
const SIZES = new ResizeObserver((entries) => entries.forEach(({ target }) => target.redraw?.()));

/**
 * A chart with its legend and its numbers as a table: {node, show(data)}.
 *
 * data: {from, to (ms), name, label, unit, lines: [{name, kind, points: [{at, value}], isStep}], limits: [{value, words}],
 * dots: [{at, value, kind, words}], isLog, least, columns, rows}. label: what a screen reader is told of all of it; a value
 * that is null breaks its line. kind: how a line or dot is drawn, by rollout.css.
 */
export function chart(height) {
  const picture = svg('svg', { class: 'chart', role: 'img' });
  const legend = h('ul', { class: 'legend', 'aria-hidden': 'true' });
  const body = h('div', { class: 'numbers', tabindex: 0, role: 'region' });
  const numbers = h('details', { ontoggle: () => tabled() }, h('summary', { class: 'small' }, 'Numbers'), body);
  const frame = h('div', { class: 'chart-frame' }, picture);
  const node = h('div', { class: 'charted' }, frame, legend, numbers);
  let shown = null;

  function show(data) {
    shown = data;
    mark(picture, { 'aria-label': data.label });
    mark(body, { 'aria-label': `Numbers: ${data.name}` });
    legends(legend, data);
    say(numbers.querySelector('summary'), `Numbers (${data.rows.length})`);
    frame.redraw();
    tabled();
  }

  function tabled() {
    if (numbers.open && shown) put(body, table(shown));
  }

  frame.redraw = () => {
    const width = Math.floor(frame.clientWidth);
    if (shown && width) draw(picture, shown, { width, height });
  };
  SIZES.observe(frame);
  return { node, show };
}

/** A table of columns (words) and rows of texts. */
export function table({ columns, rows, name }) {
  return h('table', { class: 'plain-table', role: 'table' }, h('caption', { class: 'unseen' }, name),
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, ...columns.map((word) => h('th', { role: 'columnheader', scope: 'col' }, word)))),
    h('tbody', { role: 'rowgroup' }, ...rows.slice(-MOST_ROWS).map((row) => h('tr', { role: 'row' },
      ...row.map((cell, index) => h('td', { role: 'cell', 'data-word': columns[index] }, cell))))));
}

function draw(picture, data, { width, height }) {
  const scale = scaled(data, { width, height });
  mark(picture, { viewBox: `0 0 ${width} ${height}`, width, height });
  put(picture, ...axes(data, scale, { width, height }), ...data.limits.filter(({ value }) => scale.holds(value)).map((one) => limit(one, scale, width)),
    ...data.lines.map((one) => line(one, scale)), ...(data.dots ?? []).filter(({ value }) => value !== null).map((one) => dot(one, scale)));
}

function scaled({ from, to, lines, limits, dots, isLog, least }, { width, height }) {
  const values = [...lines.flatMap(({ points }) => points.map(({ value }) => value)), ...(dots ?? []).map(({ value }) => value),
    ...limits.map(({ value }) => value)].filter((value) => value !== null && Number.isFinite(value));
  const bent = isLog ? (value) => Math.log10(Math.max(value, 0.1)) : (value) => value;
  const low = isLog ? -1 : Math.min(0, ...values);
  const high = Math.max(bent(least ?? 0), ...values.map(bent)) * (least ? 1 : 1.15) || 1;
  const across = Math.max(1, to - from);
  return {
    low, high: high > low ? high : low + 1, isLog,
    x: (at) => PAD.left + ((Math.min(Math.max(at, from), to) - from) / across) * (width - PAD.left - PAD.right),
    y: (value) => height - PAD.bottom - ((bent(value) - low) / ((high > low ? high : low + 1) - low)) * (height - PAD.top - PAD.bottom),
    holds: (value) => value !== null && Number.isFinite(value),
  };
}

function axes({ from, to, unit }, scale, { width, height }) {
  const rows = levels(scale).map((value) => svg('g', {},
    svg('line', { class: 'grid-line', x1: PAD.left, x2: width - PAD.right, y1: scale.y(value), y2: scale.y(value) }),
    svg('text', { class: 'tick', x: PAD.left - 6, y: scale.y(value) + 4, 'text-anchor': 'end' }, `${neat(value)}${unit === '%' ? ' %' : ''}`)));
  const many = width > 480 ? 4 : 2;
  const times = Array.from({ length: many + 1 }, (_, index) => from + ((to - from) * index) / many).map((at, index) => svg('text', {
    class: 'tick', x: scale.x(at), y: height - 6, 'text-anchor': index === 0 ? 'start' : index === many ? 'end' : 'middle',
  }, timeWords(at, to - from)));
  return [...rows, ...times];
}

/** Round numbers between low and high, three or four of them. */
function levels({ low, high, isLog }) {
  if (isLog) return Array.from({ length: Math.floor(high) - Math.ceil(low) + 1 }, (_, index) => 10 ** (Math.ceil(low) + index)).filter((_, index, all) => all.length < 6 || index % 2 === 1);
  const raw = (high - low) / 3;
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * size).find((one) => one >= raw);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, index) => (first + index) * step);
}

function limit({ value, words }, scale, width) {
  const y = scale.y(value);
  return svg('g', { class: 'limit' }, svg('line', { x1: PAD.left, x2: width - PAD.right, y1: y, y2: y }),
    svg('text', { x: width - PAD.right, y: y < 24 ? y + 14 : y - 5, 'text-anchor': 'end' }, words));
}

function line({ kind, points, isStep }, scale) {
  let path = '';
  let before = null;
  for (const { at, value } of points) {
    if (value === null) before = null;
    else {
      const x = scale.x(at).toFixed(1);
      const y = scale.y(value).toFixed(1);
      path += before === null ? `M${x} ${y}` : isStep ? `H${x}V${y}` : `L${x} ${y}`;
      before = value;
    }
  }
  return svg('path', { class: `line ${kind}`, d: path });
}

function dot({ at, value, kind, words }, scale) {
  const x = scale.x(at);
  const y = scale.y(value);
  const cross = `M${x - DOT - 1} ${y - DOT - 1}l${2 * DOT + 2} ${2 * DOT + 2}M${x + DOT + 1} ${y - DOT - 1}l${-2 * DOT - 2} ${2 * DOT + 2}`;
  const shape = kind === 'FAIL' ? svg('path', { class: 'dot FAIL', d: cross }) : svg('circle', { class: `dot ${kind}`, cx: x, cy: y, r: DOT });
  shape.append(svg('title', {}, words));
  return shape;
}

function legends(node, { lines, limits, dots }) {
  const found = [...lines.filter(({ name }) => name).map(({ name, kind }) => ({ name, kind, isLine: true })),
    ...(limits.length ? [{ name: 'limit', kind: 'limit', isLine: true }] : []),
    ...[...new Set((dots ?? []).map(({ kind }) => kind))].map((kind) => ({ name: DOTS[kind] ?? kind, kind }))];
  const words = found.map(({ name }) => name).join();
  if (node.shown === words) return;
  node.shown = words;
  put(node, ...found.map(({ name, kind, isLine }) => h('li', {}, sample(kind, isLine), name)));
}

const DOTS = { PASS: 'pass', FAIL: 'fail', INCONCLUSIVE: 'not enough yet' };

function sample(kind, isLine) {
  const shape = !isLine ? dot({ at: 0, value: 0, kind, words: '' }, { x: () => 12, y: () => 6 })
    : kind === 'limit' ? svg('g', { class: 'limit' }, svg('line', { x1: 0, x2: 24, y1: 6, y2: 6 }))
      : svg('path', { class: `line ${kind}`, d: 'M0 6H24' });
  return svg('svg', { class: 'sample', viewBox: '0 0 24 12', width: 24, height: 12, focusable: 'false' }, shape);
}

function neat(value) {
  return Number(value.toPrecision(3)).toLocaleString('en', { maximumFractionDigits: 3 });
}

/** A moment on an axis: with the day where it is not the same one all the way. */
export function timeWords(at, across) {
  const how = across > 86_400_000 ? { month: 'short', day: 'numeric', hour: '2-digit' }
    : across < 600_000 ? { hour: '2-digit', minute: '2-digit', second: '2-digit' } : { hour: '2-digit', minute: '2-digit' };
  return new Date(at).toLocaleString(undefined, how);
}
