// What may somebody ask of this Rollout now, and is he told what would come of it before he does?

import { rolloutPath } from './api.js';
import { order } from './dialog.js';
import { h, keyed, mark, say } from './dom.js';

const WORDS = {
  approve: { word: 'Approve', isMain: true },
  reject: { word: 'Reject', isDanger: true },
  pause: { word: 'Pause' },
  resume: { word: 'Resume', isMain: true },
  promote: { word: 'Skip this step' },
  'promote-full': { word: 'Promote fully' },
  abort: { word: 'Abort', isDanger: true },
  retry: { word: 'Retry', isMain: true },
  confirm: { word: 'Confirm stable' },
  override: { word: 'Override the freeze', reason: 'needed' },
  'name-stable': { word: 'Name stable' },
};
const BOUND = ['run', 'step', 'revision', 'template'];

/** The buttons: {node, show(read)}; one of them opens a dialog that is bound to what was on the page when it was pressed. */
export function orders(ctx, namespace, name, again) {
  const node = h('div', { class: 'orders', role: 'group', 'aria-label': 'What may be asked now' });
  let seen = null;

  function show({ why }) {
    seen = why;
    const known = ctx.me && !ctx.me.open ? why.offers.filter(({ verb }) => verb in WORDS) : [];
    const isThere = node.contains(document.activeElement);
    keyed(node, known, { key: ({ verb }) => verb, make: button, update: () => {} });
    mark(node, { hidden: known.length === 0 });
    if (isThere) found();
  }

  function button({ verb }) {
    const { word, isMain, isDanger } = WORDS[verb];
    return say(h('button', { type: 'button', class: isMain ? 'main' : isDanger ? 'danger' : null, onclick: () => asked(verb) }), word);
  }

  async function asked(verb) {
    const offer = seen.offers.find((one) => one.verb === verb);
    if (offer) await order(ctx, { ...wish(namespace, name, seen, offer), changed: again });
    again();
    setTimeout(found);
  }

  /** The button that was pressed may be gone: whoever goes by keyboard goes on from the page's title. */
  function found() {
    if (document.activeElement === document.body) node.closest('.rollout')?.querySelector('h1').focus({ preventScroll: true });
  }
  return { node, show };
}

function wish(namespace, name, { account }, offer) {
  const { word, isDanger, reason } = WORDS[offer.verb];
  const bound = Object.fromEntries(BOUND.filter((field) => offer[field] !== null).map((field) => [field, offer[field]]));
  return {
    title: `${word}: ${name}?`, verb: word, isDanger, effect: offer.effect, facts: facts(namespace, name, account),
    path: `${rolloutPath(namespace, name)}/commands`, body: { verb: offer.verb, ...bound },
    ...(reason && { reason }), ...(offer.verb === 'name-stable' && { fields: [backend(offer)] }),
  };
}

function facts(namespace, name, { run, stable, wanted }) {
  const known = [['Rollout', `${namespace}/${name}`], ['Revision', run ? `${stable ?? 'nothing'} → ${run.canary}` : wanted]];
  if (run) known.push(['Run', String(run.number)], ['Step', `${run.step} of ${run.steps}, ${run.weight} %`]);
  return known.filter(([, words]) => words);
}

function backend({ backends }) {
  const serving = backends.length ? `what serves now: ${backends.join(', ')}` : 'SERVICE, or SERVICE/SUBSET';
  return { name: 'backend', label: 'Backend', hint: serving, value: backends.length === 1 ? backends[0] : '', isNeeded: true, most: 320 };
}
