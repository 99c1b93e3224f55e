// Who has approved, who is still needed, and who let it go on in a freeze?

import { h, keyed, mark } from './dom.js';
import { fresh } from './fresh.js';
import { badge, moment, symbol } from './marks.js';

const PASSED = 'M3 8.5l3.2 3.2L13 5';
const LOCK = 'M4.5 7.5h7v6h-7zM6 7.5V5.2a2 2 0 014 0v2.3';
const CROSS = 'M4 4l8 8M12 4l-8 8';

/** The panel: {node, show(read)}; not there where the step needs nobody. */
export function gates() {
  const list = h('div', { class: 'gates' });
  const others = h('ul', { class: 'holds' });
  const node = h('section', { class: 'panel', 'aria-labelledby': 'gates' }, h('h2', { id: 'gates' }, 'Gates of this step'), list, others);
  return {
    node,
    show: ({ why: { account: { run, hooks } } }) => {
      const found = run ? stated(run) : [];
      const lines = run ? [...overridden(run), ...hooks.map(hookWords)] : [];
      mark(node, { hidden: found.length + lines.length === 0 });
      keyed(list, found, { key: ({ policy }) => policy, make: () => h('div', { class: 'gate-card' }), update: gate });
      mark(others, { hidden: lines.length === 0 });
      fresh(others, lines, () => lines.map((words) => h('li', {}, words)));
    },
  };
}

/** The gates; by the step's words alone where the world could not be looked at. */
function stated({ gates: known, approval, approved }) {
  if (known.length || !approval) return known;
  return [{ policy: approval, found: true, open: approved, minimum: null, missing: null, expired: 0, unproven: null, until: null, ask: null, approvals: [] }];
}

function gate(node, one) {
  fresh(node, one, () => [
    h('h3', {}, one.policy, ' ', state(one)),
    h('p', {}, needed(one)),
    one.approvals.length ? h('ul', { class: 'given-list' }, ...one.approvals.map(given)) : null,
    one.ask && !one.open ? h('p', { class: 'soft' }, 'May approve: ', one.ask) : null,
  ]);
}

function state({ found, open }) {
  if (!found) return badge('bad', 'Missing', CROSS);
  return open ? badge('good', 'Open', PASSED) : badge('held', 'Closed', LOCK);
}

function needed({ found, open, until, minimum, missing, expired, unproven, approvals }) {
  if (!found) return 'There is no such ApprovalPolicy, so nobody can open this gate.';
  if (unproven) return `Four eyes, and ${unproven}.`;
  if (open) return until ? ['Open until ', moment(until), '.'] : 'Open.';
  if (minimum === null || missing === null) return 'Closed.';
  const old = expired ? ` ${expired} expired.` : '';
  return `${approvals.length} of ${minimum} ${minimum === 1 ? 'person' : 'people'} approved; ${missing} more ${missing === 1 ? 'is' : 'are'} needed.${old}`;
}

function given({ by, channel, at, until }) {
  return h('li', {}, symbol(PASSED), h('strong', {}, by), ` by ${channel}, `, moment(at), ...(until ? [', counts until ', moment(until)] : []));
}

function overridden({ override }) {
  if (!override) return [];
  const { windows, by, channel, at, reason } = override;
  return [`Freeze ${windows.join(', ')} overridden by ${by} (${channel}) at ${new Date(at).toLocaleString()}: ${reason}`];
}

function hookWords({ name, type, failures, failed }) {
  return `Webhook ${name} (${type})${failures === null ? '' : `: failed ${failed} of ${failures} in a row`}`;
}
