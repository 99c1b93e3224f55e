// Which Rollouts does somebody want to see, and in which order? Over all of them, not those that happen to be on screen.

const URGENCY = ['Failed', 'RollingBack', 'Paused', 'Progressing', 'Promoting', 'Idle'];
const VERDICTS = ['FAIL', 'INCONCLUSIVE', 'PASS'];
const BY = {
  name: (row) => row.key,
  phase: (row) => 2 * place(URGENCY, row.phase) + (row.needsPerson ? 0 : 1),
  revision: (row) => row.revision ?? '',
  weight: (row) => row.weight ?? -1,
  step: (row) => (row.weight === null ? -1 : row.steps ? row.step / row.steps : 0),
  verdict: (row) => place(VERDICTS, row.verdict),
  waits: (row) => `${row.needsPerson ? 0 : row.holds.length ? 1 : 2}${row.holds[0]?.code ?? ''}`,
};

/** What is wanted when nobody said anything. */
export const ANYTHING = { q: '', ns: '', phase: '', person: false, sort: 'phase', down: false };

/** A Rollout as the API tells it, with what it is looked for by. */
export function asRow(item) {
  const key = `${item.namespace}/${item.name}`;
  const words = [key, item.revision, item.stable, item.commit, ...item.holds.map((hold) => hold.code)];
  return { ...item, key, text: words.filter(Boolean).join(' ').toLowerCase() };
}

/** The wanted rows, in order. */
export function chosen(rows, want) {
  const found = rows.filter((row) => isWanted(row, want) && (!want.phase || row.phase === want.phase));
  const by = BY[want.sort] ?? BY.name;
  const turn = want.down ? -1 : 1;
  return found.map((row) => [by(row), row]).sort(([a, one], [b, other]) => turn * compared(a, b) || compared(one.key, other.key))
    .map(([, row]) => row);
}

/** How many of the rows that are wanted but for their phase are in each: a Map, with '' for all of them. */
export function counts(rows, want) {
  const found = new Map([['', 0]]);
  for (const row of rows) {
    if (!isWanted(row, want)) continue;
    found.set('', found.get('') + 1);
    found.set(row.phase, (found.get(row.phase) ?? 0) + 1);
  }
  return found;
}

/** What is wanted, as an address has it. */
export function fromQuery(query) {
  const sort = query.get('sort') ?? ANYTHING.sort;
  return {
    q: query.get('q') ?? '',
    ns: query.get('ns') ?? '',
    phase: query.get('phase') ?? '',
    person: query.get('person') === '1',
    sort: sort.replace(/^-/, '') in BY ? sort.replace(/^-/, '') : ANYTHING.sort,
    down: sort.startsWith('-'),
  };
}

/** The address of what is wanted: the shortest. */
export function toQuery(want) {
  const said = new URLSearchParams();
  if (want.q) said.set('q', want.q);
  if (want.ns) said.set('ns', want.ns);
  if (want.phase) said.set('phase', want.phase);
  if (want.person) said.set('person', '1');
  if (want.sort !== ANYTHING.sort || want.down) said.set('sort', (want.down ? '-' : '') + want.sort);
  return said.size ? `?${said}` : '';
}

function isWanted(row, want) {
  if (want.ns && row.namespace !== want.ns) return false;
  if (want.person && !row.needsPerson) return false;
  return want.q.toLowerCase().split(/\s+/).every((piece) => row.text.includes(piece));
}

function place(order, value) {
  const found = order.indexOf(value);
  return found < 0 ? order.length : found;
}

function compared(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}
