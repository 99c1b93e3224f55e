// How is a table of thousands of rows on the page at once? Only those near the screen are; gaps stand for the others.
//
// Rows of one table are equally high. A row keeps its node as long as it is near, and one that has the focus always.

import { h, keyed, mark, put } from './dom.js';

const BEYOND = 8; // rows above and below the screen that are there already
const GUESS_PX = 57;

/**
 * A table. columns: {id, word, isNumber}; make(row) is a `tr` whose link is `a.row-link`, update(tr, row) fills it;
 * sort(id) hears of a press on a column's head.
 */
export class Grid {
  #columns;
  #make;
  #update;
  #heads;
  #body = h('tbody', { role: 'rowgroup' });
  #rows = [];
  #places = new Map();
  #height = GUESS_PX;
  #isAsked = false;
  #ask = () => {
    if (!this.#isAsked) requestAnimationFrame(() => this.#draw());
    this.#isAsked = true;
  };

  constructor({ columns, caption, make, update, sort }) {
    this.#columns = columns;
    this.#make = make;
    this.#update = update;
    this.#heads = columns.map((column) => head(column, sort));
    this.node = h('table', { class: 'grid', role: 'table' }, h('caption', { class: 'unseen' }, caption),
      h('thead', { role: 'rowgroup' }, h('tr', { role: 'row', 'aria-rowindex': 1 }, ...this.#heads)), this.#body);
    window.addEventListener('scroll', this.#ask, { passive: true });
    window.addEventListener('resize', this.#ask);
  }

  /** Let it have these rows, each with a `key`. */
  show(rows) {
    this.#rows = rows;
    this.#places = new Map(rows.map((row, index) => [row.key, index]));
    mark(this.node, { 'aria-rowcount': rows.length + 1 });
    this.#draw();
  }

  /** Say by which column the rows are in order. */
  sorted(id, down) {
    this.#heads.forEach((th, index) => {
      const isIt = this.#columns[index].id === id;
      mark(th, { 'aria-sort': isIt ? (down ? 'descending' : 'ascending') : null });
    });
  }

  /** Put the focus on the row that is so many away from the one that has it, or on the first that is on screen. */
  move(by) {
    const now = this.#places.get(this.#focused());
    const visible = Math.ceil(Math.max(0, this.#headBottom() - this.#top()) / this.#height);
    const index = Math.min(this.#rows.length - 1, Math.max(0, now === undefined ? visible : now + by));
    if (index < 0) return;
    this.#reveal(index);
    this.focus(this.#rows[index].key);
  }

  /** Put the focus on a row, if it is on the page. */
  focus(key) {
    const tr = [...this.#body.children].find((one) => one.dataset.key === key);
    tr?.querySelector('a.row-link')?.focus({ preventScroll: true });
  }

  /** Do nothing any more. */
  stop() {
    window.removeEventListener('scroll', this.#ask);
    window.removeEventListener('resize', this.#ask);
  }

  #draw() {
    this.#isAsked = false;
    if (!this.node.isConnected) return;
    const top = this.#top();
    const first = Math.max(0, Math.floor(-top / this.#height) - BEYOND);
    const last = Math.min(this.#rows.length, Math.ceil((window.innerHeight - top) / this.#height) + BEYOND);
    keyed(this.#body, withGaps(first, last, this.#places.get(this.#focused()), this.#rows), {
      key: (item) => item.row?.key ?? `gap after ${item.after}`,
      make: (item) => (item.row ? mark(this.#make(item.row), { role: 'row' }) : gap()),
      update: (tr, item) => (item.row ? this.#fill(tr, item) : stretch(tr, item.rows * this.#height, this.#columns.length)),
    });
    this.#measure();
  }

  #fill(tr, { row, index }) {
    mark(tr, { 'aria-rowindex': index + 2 });
    if (tr.shown === row) return;
    tr.shown = row;
    this.#update(tr, row);
  }

  #measure() {
    const found = this.#body.querySelector('tr:not(.gap)')?.getBoundingClientRect().height;
    if (!found || Math.abs(found - this.#height) <= 0.5) return;
    this.#height = found;
    this.#ask();
  }

  #reveal(index) {
    const top = this.#top() + index * this.#height;
    const above = top - this.#headBottom();
    const below = top + this.#height - window.innerHeight;
    if (above < 0) window.scrollBy(0, above);
    else if (below > 0) window.scrollBy(0, below);
    this.#draw();
  }

  #top() {
    return this.#body.getBoundingClientRect().top;
  }

  #headBottom() {
    return Math.max(0, this.node.tHead.getBoundingClientRect().bottom);
  }

  #focused() {
    return this.#body.contains(document.activeElement) ? document.activeElement.closest('tr')?.dataset.key : undefined;
  }
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
