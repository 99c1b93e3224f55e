// How far are the mesh migrations: all of them in cards, or one with its waves and namespaces?

import { migrationPath } from './api.js';
import { h, keyed, put } from './dom.js';
import { migrationCard } from './migration-card.js';
import { migrationPage } from './migration-page.js';
import { counted } from './marks.js';
import { kept } from './reading.js';
import { isTyping } from './shell.js';
import { empty, loading, refused } from './states.js';

const TOGETHER_MS = 400;

/** Show all migrations, or the one that is named; answers how to leave them. */
export async function show(root, { name }, ctx) {
  put(root, loading(name ?? 'mesh migrations'));
  const view = name ? one(root, name, ctx) : all(root, ctx);
  const reading = kept(ctx.api, (signal) => view(signal), (error) => put(root, refused(error)));
  let timer = 0;
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(reading.again, TOGETHER_MS);
  };
  const keys = (event) => !name && steps(event, root);
  document.addEventListener('keydown', keys);
  const ends = [
    () => document.removeEventListener('keydown', keys),
    ctx.live.on('meshmigration', (changed) => (!name || changed.name === name) && soon()),
    ctx.live.on('reset', reading.again),
  ];
  reading.begin(ctx.live);
  return () => {
    ends.forEach((end) => end());
    clearTimeout(timer);
    reading.stop();
  };
}

function one(root, name, ctx) {
  const page = migrationPage(ctx);
  return async (signal) => {
    const migration = await ctx.api.get(migrationPath(name), { signal });
    page.show(migration);
    if (page.node.parentNode !== root) put(root, page.node);
  };
}

function all(root, ctx) {
  const count = h('p', { class: 'count', role: 'status' });
  const cards = h('ul', { class: 'cards' });
  const page = [h('div', { class: 'head' }, h('h1', {}, 'Mesh migrations'), count), cards];
  return async (signal) => {
    const { items } = await ctx.api.get('/api/v1/meshmigrations', { signal });
    if (!items.length) {
      put(root, nothing(ctx.me));
      return;
    }
    if (cards.parentNode !== root) put(root, ...page);
    count.textContent = counted(items.length, 'migration');
    keyed(cards, items, { key: (item) => item.name, make: () => h('li', {}), update: migrationCard });
  };
}

/** From one migration to the next by the keys of the fleet. */
function steps(event, root) {
  const by = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
  if (!by || event.shiftKey || isTyping(event) || document.querySelector('dialog[open]')) return;
  const links = [...root.querySelectorAll('a.row-link')];
  const now = links.indexOf(document.activeElement);
  links[Math.min(links.length - 1, Math.max(0, now + by))]?.focus();
  event.preventDefault();
}

function nothing(me) {
  if (me && !me.open) {
    return empty('There is no migration that you may see', 'Either there is none, or you may not list MeshMigrations.',
      h('span', {}, 'An administrator gives that right by the ClusterRole ', h('code', {}, 'rollout-view'), '.'));
  }
  return empty('There is no mesh migration yet', 'A MeshMigration takes namespaces into the mesh and to STRICT, wave by wave.',
    h('span', {}, h('code', {}, 'rollout demo mesh'), ' shows one in a minute, without a cluster.'));
}
