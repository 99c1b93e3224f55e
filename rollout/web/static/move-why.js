// Why does a namespace stand where it does on its way into the mesh? It is read once somebody unfolds it.

import { migrationPath } from './api.js';
import { h, put } from './dom.js';
import { fresh } from './fresh.js';
import { counted, moment, personSymbol, prose, span, symbol, warningSymbol } from './marks.js';
import { kept } from './reading.js';

const WAITS = 'M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 0 0 0-11M8 5v3l2 1.5';

/** What unfolds in a namespace's row: {node, show(one)}. show: how it stands now; what is unfolded is read again then. */
export function moveWhy(ctx, migration, name) {
  const told = h('div', {});
  const node = h('details', { class: 'reasons', ontoggle: () => look() },
    h('summary', { class: 'small' }, 'Why', h('span', { class: 'unseen' }, ` ${name} stands there`)), told);
  const path = `${migrationPath(migration)}/namespaces/${encodeURIComponent(name)}/why`;
  const reading = kept(ctx.api, async (signal) => {
    const { account } = await ctx.api.get(path, { signal });
    fresh(told, account, () => [facts(account)]);
  }, (error) => put(told, h('p', { class: 'soft' }, error.detail ?? String(error))));
  let shown = '';

  function look() {
    if (!node.open) return;
    if (!told.childElementCount) put(told, h('p', { class: 'soft' }, 'Reading …'));
    reading.again();
  }
  return {
    node,
    show: (one) => {
      const words = JSON.stringify(one);
      if (shown && shown !== words) look();
      shown = words;
    },
  };
}

/** The account as terms and what is to be said of each; only those of which something is. */
function facts({ gates, findings, plaintext, soak, next, possible }) {
  const found = [
    ['Gates', gates.length ? gates.map(gate) : ['None is closed.']],
    ['Findings', counts(findings)],
    ['Plaintext', plaintext.map(({ caller, called, calls, last }) => h('p', {}, `${caller || 'unknown: it has no proxy'} to ${called}, `,
      `${counted(calls, 'call')}, last `, moment(last)))],
    ['Soak', quiet(soak)],
    ['Next', next ? [prose(next)] : []],
    ['Possible', possible.map((command) => h('p', {}, h('code', {}, command)))],
  ];
  return h('dl', {}, ...found.filter(([, said]) => said.length).flatMap(([term, said]) => [h('dt', {}, term), h('dd', {}, ...said)]));
}

function gate({ code, message, warning, waitsForAPerson }) {
  const sign = waitsForAPerson ? [personSymbol(), h('span', { class: 'unseen' }, 'Needs a person: ')]
    : warning ? [warningSymbol()] : [symbol(WAITS)];
  return h('p', { class: 'hold' }, ...sign, h('span', {}, h('code', {}, code), ' ', prose(message)));
}

function counts({ block, unacknowledged }) {
  const words = [block ? `${counted(block, 'finding')} in the way` : '', unacknowledged ? `${unacknowledged} to be acknowledged` : ''];
  return words.some(Boolean) ? [words.filter(Boolean).join(', ')] : [];
}

function quiet({ since, windowSeconds, proves }) {
  if (!since) return proves ? [proves] : [];
  return [h('p', {}, 'quiet since ', moment(since), `, for at least ${span(windowSeconds * 1000)}`), ...(proves ? [h('p', {}, proves)] : [])];
}
