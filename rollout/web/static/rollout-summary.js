// Where does a run stand in its plan, what holds it, and what comes next?

import { h, keyed, mark, say } from './dom.js';
import { fresh } from './fresh.js';
import { infoSymbol, personSymbol, phaseBadge, prose, showPhase, showVerdict, span, symbol, verdictBadge, warningSymbol } from './marks.js';
import { now } from './server-clock.js';

const PASSED = 'M3 8.5l3.2 3.2L13 5';
const LOCK = 'M4.5 7.5h7v6h-7zM6 7.5V5.2a2 2 0 014 0v2.3';

/** The title with phase and verdict: {node, show(read)}. */
export function heading(namespace, name) {
  const phase = phaseBadge('Idle');
  const verdict = verdictBadge(null);
  const node = h('div', {}, h('p', { class: 'way' }, h('a', { href: '/' }, 'Rollouts'), ' / ', namespace),
    h('div', { class: 'head' }, h('h1', { tabindex: -1 }, h('span', { class: 'soft' }, `${namespace}/`), name),
      h('span', { class: 'badges' }, phase, verdict)));
  return {
    node,
    show: ({ why: { account } }) => {
      showPhase(phase, account.phase);
      const found = worst(account.objectives.filter(({ mode }) => mode === 'decide'));
      showVerdict(verdict, found);
      mark(verdict, { hidden: found === null });
    },
  };
}

/** The panel on how it stands: {node, show(read), tick}. */
export function summary() {
  const words = h('p', { class: 'stands' });
  const plan = h('ol', { class: 'plan', 'aria-label': 'Steps of the plan' });
  const clocks = h('p', { class: 'soft small clocks' });
  const holds = h('ul', { class: 'holds', 'aria-label': 'What holds it' });
  const next = h('p', { class: 'next' });
  const place = h('p', { class: 'soft small' });
  let account = null;

  function show({ why }) {
    account = why.account;
    const { run } = account;
    fresh(words, [account.stable, account.wanted, run?.canary, run?.number, run?.step, run?.steps, run?.weight], () => standing(account));
    const steps = run ? planned(run) : [];
    mark(plan, { hidden: steps.length === 0 });
    keyed(plan, steps, { key: ({ key }) => key, make: () => h('li', {}), update: step });
    const lines = held(account, why.needsPerson);
    mark(holds, { hidden: lines.length === 0 });
    fresh(holds, lines, () => lines.map(hold));
    fresh(next, account.next, () => [h('strong', {}, 'Next: '), prose(account.next ?? 'the controller has said nothing yet')]);
    fresh(place, [account.source, account.commit], () => placed(account));
    tick();
  }

  function tick() {
    say(clocks, account?.run ? clockWords(account.run) : '');
    mark(clocks, { hidden: !clocks.textContent });
  }
  return { node: h('section', { class: 'panel summary', 'aria-label': 'How it stands' }, words, plan, clocks, holds, next, place), show, tick };
}

function standing({ stable, wanted, run }) {
  if (!run) {
    const other = wanted && wanted !== stable ? [', git names ', h('strong', {}, wanted)] : [];
    return [stable ? ['Stable is ', h('strong', {}, stable)] : 'Stable is not known', ...other, '.'].flat();
  }
  const at = run.steps === 0 ? '' : run.step === 0 ? `, before step 1 of ${run.steps}`
    : run.step > run.steps ? ', all steps passed' : `, step ${run.step} of ${run.steps}`;
  return [h('strong', {}, stable ?? 'nothing'), h('span', { class: 'arrow', 'aria-hidden': 'true' }, ' → '), h('span', { class: 'unseen' }, ' to '),
    h('strong', {}, run.canary), `  run ${run.number}${at}, `, h('strong', {}, `${run.weight} %`), ' of the traffic'];
}

/** The plan's steps, and 100 % where it does not end there. */
function planned(run) {
  const steps = run.plan.map((one, index) => ({ ...one, key: String(index + 1), at: index + 1 < run.step ? 'passed' : index + 1 === run.step ? 'here' : 'ahead', run }));
  if (!steps.length) return steps;
  const isOver = run.step > run.plan.length;
  return [...steps, { key: 'end', weight: 100, soak: 0, approvals: [], at: isOver ? 'here' : 'ahead', run, isEnd: true }];
}

function step(li, { key, weight, soak, approvals, at, isEnd, run }) {
  mark(li, { 'data-at': at, 'aria-current': at === 'here' ? 'step' : null });
  const isOpen = at === 'passed' || (at === 'here' && run.gates.every(({ open }) => open));
  fresh(li, [key, weight, soak, approvals, at, isOpen], () => [
    h('span', { class: 'unseen' }, isEnd ? 'Promotion' : `Step ${key}`, `, ${{ passed: 'passed', here: 'present', ahead: 'not yet' }[at]}: `),
    h('span', { class: 'percent' }, at === 'passed' ? symbol(PASSED) : null, `${weight} %`),
    h('span', { class: 'soft small' }, isEnd ? 'promotion' : soak ? `${span(soak * 1000)} soak` : 'no soak'),
    approvals.length ? h('span', { class: 'small gate' }, symbol(isOpen ? PASSED : LOCK), approvals.join(', '),
      h('span', { class: 'unseen' }, isOpen ? ' (open)' : ' (needs approval)')) : null,
  ]);
}

function clockWords({ started, stepStarted, soakUntil, unavailableFor, availableWithin }) {
  const at = now();
  const words = [`run began ${span(at - new Date(started))} ago`, `this step ${span(at - new Date(stepStarted))} ago`];
  if (soakUntil) {
    const left = new Date(soakUntil) - at;
    words.push(left > 0 ? `soaks for ${span(left)} more` : 'has soaked');
  }
  if (unavailableFor > 0) words.push(`not available for ${span(unavailableFor * 1000)} of at most ${span(availableWithin * 1000)}`);
  return words.join(' · ');
}

function held({ error, unseen, holds }, needsPerson) {
  return [
    ...(error ? [{ code: 'cannot be read', message: error, warning: true }] : []),
    ...(unseen ? [{ code: 'not looked at', message: `routes and backends: ${unseen}`, warning: false }] : []),
    ...holds.map((one) => ({ ...one, isForPerson: needsPerson.includes(one.code) })),
  ];
}

function hold({ code, message, warning, isForPerson }) {
  const [sign, unseen] = isForPerson ? [personSymbol(), 'Needs a person: '] : warning ? [warningSymbol(), 'Warning: '] : [infoSymbol(), ''];
  return h('li', { class: 'hold', 'data-tone': warning ? 'bad' : 'held' }, sign,
    h('span', {}, unseen ? h('span', { class: 'unseen' }, unseen) : null, prose(message), ' ', h('code', { class: 'small' }, code)));
}

function placed({ source, commit }) {
  const words = [source, commit?.slice(0, 12)].filter(Boolean).join(' @ ');
  return words ? ['Spec: ', h('code', {}, words)] : [];
}

/** The verdict that decides, null for none. */
function worst(judged) {
  const order = ['FAIL', 'INCONCLUSIVE', 'PASS'];
  return order.find((verdict) => judged.some((one) => one.verdict === verdict)) ?? null;
}
