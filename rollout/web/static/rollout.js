// How does one Rollout stand, how did it come to that, and what may be asked of it now?

import { rolloutPath } from './api.js';
import { h, put, say } from './dom.js';
import { gates } from './rollout-gates.js';
import { objectives } from './rollout-objectives.js';
import { orders } from './rollout-orders.js';
import { heading, summary } from './rollout-summary.js';
import { weights } from './rollout-weights.js';
import { audit, history } from './history.js';
import { fresh } from './fresh.js';
import { kept } from './reading.js';
import { heard } from './server-clock.js';
import { loading, refused } from './states.js';

const PARTS = ['why', 'history', 'audit', 'trace'];
const TOGETHER_MS = 300;
const TICK_MS = 1_000;
const AGED_MS = 20_000; // ages and soaks move without any change in the cluster

/** Show a Rollout; answers how to leave it. */
export async function show(root, { namespace, name }, ctx) {
  put(root, loading(`${namespace}/${name}`));
  const path = rolloutPath(namespace, name);
  const page = rolloutPage(ctx, namespace, name, () => reading.again());
  let gone = null;
  const reading = kept(ctx.api, async (signal) => {
    const found = await Promise.all(PARTS.map((part) => ctx.api.get(`${path}/${part}`, { signal })));
    page.show(Object.fromEntries(PARTS.map((part, index) => [part, found[index]])));
    if (page.node.parentNode !== root) put(root, page.node);
  }, (error) => {
    if (gone && gone.parentNode === root) return; // it is read again and again: one refusal is told once
    gone = refused(error);
    put(root, gone);
  });
  let timer = 0;
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(reading.again, TOGETHER_MS);
  };
  const ends = [
    ctx.live.on('rollout', (changed) => changed.namespace === namespace && changed.name === name && soon()),
    ctx.live.on('reset', reading.again),
  ];
  const ticking = setInterval(page.tick, TICK_MS);
  const aging = setInterval(() => !document.hidden && reading.again(), AGED_MS);
  reading.again();
  return () => {
    ends.forEach((end) => end());
    [timer, ticking, aging].forEach(clearTimeout);
    reading.stop();
  };
}

/** The page: {node, show(read), tick}. What did not change keeps its nodes, its focus and what is unfolded. */
function rolloutPage(ctx, namespace, name, again) {
  const parts = {
    heading: heading(namespace, name), orders: orders(ctx, namespace, name, again), summary: summary(), gates: gates(),
    weights: weights(), objectives: objectives(), why: whyText(), history: history(), audit: audit(),
  };
  const { heading: head, orders: asked, ...sections } = parts;
  head.node.querySelector('.head').append(asked.node);
  const node = h('div', { class: 'rollout' }, head.node, ...Object.values(sections).map((part) => part.node));
  let told = '';

  function show(read) {
    heard(read.why.at);
    for (const part of Object.values(parts)) part.show(read);
    const words = inWords(read.why.account);
    if (told && told !== words) ctx.say(`${name}: ${words}`);
    told = words;
  }

  function tick() {
    for (const part of Object.values(parts)) part.tick?.();
  }
  return { node, show, tick };
}

/** How it stands, in so few words that they may be read out on every change. */
function inWords({ phase, run, holds }) {
  const step = run ? `, step ${run.step} of ${run.steps}, ${run.weight} %` : '';
  return `${phase}${step}${holds.length ? `, ${holds[0].message}` : ''}`;
}

function whyText() {
  const text = h('pre', { tabindex: 0, role: 'region', 'aria-label': 'Why, as text' });
  const at = h('span', { class: 'soft small' });
  const node = h('details', { class: 'panel why', open: true },
    h('summary', {}, h('h2', {}, 'Why'), h('span', { class: 'soft small' }, 'as ', h('code', {}, 'rollout why'), ' tells it'), at), text);
  return {
    node,
    show: ({ why }) => {
      fresh(text, why.lines, () => [why.lines.join('\n')]);
      say(at, `read ${new Date(why.at).toLocaleTimeString()}`);
    },
  };
}
