// How is a table of thousands of rows on the page at once? Only those near the screen are; gaps stand for the others.
//
// Rows of one table are equally high. A row keeps its node as long as it is near, and one that has the focus always.

import { h, keyed, mark, put } from './dom.js';

const BEYOND = 8; // rows above and below the screen that are there already
const GUESS_PX = 57;

/**
 * A table. columns: {id, word, isNumber}; make(row) is a `tr` whose link is `a.row-link`, update(tr, row) fills it;
 * sort(id) hears of a press on a column's head. The answer: {node, show(rows), sorted(id, down), move(by), focus(key), stop}.
 */
export function grid({ columns, caption, make, update, sort }) {
  const heads = columns.map((column) => head(column, sort));
  const body = h('tbody', { role: 'rowgroup' });
  const node = h('table', { class: 'grid', role: 'table' }, h('caption', { class: 'unseen' }, caption),
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row', 'aria-rowindex': 1 }, ...heads)), body);
  let rows = [];
  let places = new Map();
  let height = GUESS_PX;
  let isAsked = false;

  function draw() {
    isAsked = false;
    if (!node.isConnected) return;
    const top = body.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(-top / height) - BEYOND);
    const last = Math.min(rows.length, Math.ceil((window.innerHeight - top) / height) + BEYOND);
    keyed(body, withGaps(first, last, places.get(focusedKey()), rows), {
      key: (item) => item.row?.key ?? `gap after ${item.after}`,
      make: (item) => (item.row ? made(item.row) : gap()),
      update: (item, what) => (what.row ? updated(item, what) : stretch(item, what.rows * height, columns.length)),
    });
    measure();
  }

  function made(row) {
    return mark(make(row), { role: 'row' });
  }

  function updated(tr, { row, index }) {
    mark(tr, { 'aria-rowindex': index + 2 });
    if (tr.shown === row) return;
    tr.shown = row;
    update(tr, row);
  }

  function measure() {
    const found = body.querySelector('tr:not(.gap)')?.getBoundingClientRect().height;
    if (found && Math.abs(found - height) > 0.5) {
      height = found;
      ask();
    }
  }

  function ask() {
    if (!isAsked) requestAnimationFrame(draw);
    isAsked = true;
  }

  function focusedKey() {
    return body.contains(document.activeElement) ? document.activeElement.closest('tr')?.dataset.key : undefined;
  }

  function show(wanted) {
    rows = wanted;
    places = new Map(rows.map((row, index) => [row.key, index]));
    mark(node, { 'aria-rowcount': rows.length + 1 });
    draw();
  }

  /** Put the focus on the row that is so many away from the one that has it. */
  function move(by) {
    const now = places.get(focusedKey());
    const visible = Math.ceil(Math.max(0, headBottom() - body.getBoundingClientRect().top) / height);
    focusAt(now === undefined ? visible : now + by);
  }

  function headBottom() {
    return Math.max(0, node.tHead.getBoundingClientRect().bottom);
  }

  function focusAt(wanted) {
    const index = Math.min(rows.length - 1, Math.max(0, wanted));
    if (index < 0) return;
    const top = body.getBoundingClientRect().top + index * height;
    const above = top - headBottom();
    const below = top + height - window.innerHeight;
    if (above < 0) window.scrollBy(0, above);
    else if (below > 0) window.scrollBy(0, below);
    draw();
    linkOf(rows[index].key)?.focus({ preventScroll: true });
  }

  function focus(key) {
    linkOf(key)?.focus({ preventScroll: true });
  }

  function linkOf(key) {
    return [...body.children].find((tr) => tr.dataset.key === key)?.querySelector('a.row-link');
  }

  function sorted(id, down) {
    heads.forEach((th, index) => {
      const isIt = columns[index].id === id;
      mark(th, { 'aria-sort': isIt ? (down ? 'descending' : 'ascending') : null });
    });
  }

  window.addEventListener('scroll', ask, { passive: true });
  window.addEventListener('resize', ask);
  return { node, show, sorted, move, focus, stop: () => {
    window.removeEventListener('scroll', ask);
    window.removeEventListener('resize', ask);
  } };
}

/** Rows from first to before last and the one with the focus, with gaps for those in between. */
function withGaps(first, last, focused, rows) {
  const wanted = new Set(focused === undefined ? [] : [focused]);
  for (let index = first; index < last; index += 1) wanted.add(index);
  const items = [];
  let next = 0;
  for (const index of [...wanted].sort((a, b) => a - b)) {
    if (index > next) items.push({ after: next, rows: index - next });
    items.push({ row: rows[index], index });
    next = index + 1;
  }
  if (next < rows.length) items.push({ after: next, rows: rows.length - next });
  return items;
}

function head({ id, word, isNumber }, sort) {
  return h('th', { role: 'columnheader', scope: 'col', class: isNumber ? 'number' : null, 'data-column': id },
    h('button', { type: 'button', onclick: () => sort(id) }, word, h('span', { class: 'turn', 'aria-hidden': 'true' })));
}

function gap() {
  return h('tr', { class: 'gap', 'aria-hidden': 'true' });
}

function stretch(tr, px, columns) {
  if (!tr.firstChild) put(tr, h('td', { colspan: columns }));
  tr.firstChild.style.height = `${px}px`;
}
