// What stands at the top of every page: where one can go, who one is, and how the page looks?

import { help } from './help.js';
import { h, mark, put, say } from './dom.js';
import { symbol } from './marks.js';

const LOGO = 'M3 13V9.5M8 13V6.5M13 13V3';
const SUN = 'M8 5.2a2.8 2.8 0 100 5.6 2.8 2.8 0 000-5.6zM8 1.2v1.4M8 13.4v1.4M1.2 8h1.4M13.4 8h1.4M3.2 3.2l1 1M11.8 11.8l1 1M12.8 3.2l-1 1M4.2 11.8l-1 1';
const MOON = 'M13.2 9.6A5.6 5.6 0 016.4 2.8a5.6 5.6 0 106.8 6.8z';
const BOTH = 'M8 2a6 6 0 100 12zM8 2a6 6 0 010 12';
const THEMES = { auto: { path: BOTH, word: 'as the system' }, light: { path: SUN, word: 'light' }, dark: { path: MOON, word: 'dark' } };
const LINKS = [
  { href: '/', word: 'Rollouts', isAt: (path) => path === '/' || path.startsWith('/rollouts/') },
  { href: '/meshmigrations', word: 'Mesh migrations', isAt: (path) => path.startsWith('/meshmigrations') },
];

/** Fill the top; the answer is {show(me), at(path)}. */
export function shell(top, ctx) {
  const links = LINKS.map(({ href, word }) => h('a', { href }, word));
  const who = h('div', { class: 'who' });
  const state = h('span', { class: 'live' }, h('span', { class: 'dot', 'aria-hidden': 'true' }), h('span', { class: 'word' }));
  put(top,
    h('a', { class: 'brand', href: '/', 'aria-label': 'rollout: to the Rollouts' }, symbol(LOGO), h('span', {}, 'rollout')),
    h('nav', { 'aria-label': 'Pages' }, ...links),
    h('div', { class: 'tools' }, state, themeSwitch(),
      h('button', { type: 'button', class: 'icon', 'aria-label': 'Keys and help', title: 'Keys and help (?)', onclick: help }, '?'),
      who));
  document.addEventListener('keydown', (event) => {
    if (event.key === '?' && !isTyping(event) && !document.querySelector('dialog[open]')) {
      event.preventDefault();
      help();
    }
  });
  ctx.live.on('state', () => listening(state, ctx.live.state));
  listening(state, ctx.live.state);
  return {
    show: (me) => put(who, ...person(me)),
    at: (path) => links.forEach((link, index) => mark(link, { 'aria-current': LINKS[index].isAt(path) ? 'page' : null })),
  };
}

/** Whether keys are text now, and not commands. */
export function isTyping(event) {
  const { target } = event;
  return event.metaKey || event.ctrlKey || event.altKey || target.isContentEditable
    || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName);
}

function listening(node, state) {
  const words = { opening: 'Connecting', open: 'Live', cut: 'Cut off', resting: 'Not live' };
  mark(node, { 'data-state': state, title: state === 'open' ? 'What changes is shown at once' : 'What is shown may be old' });
  say(node.querySelector('.word'), words[state]);
}

function person(me) {
  if (me === undefined) return [];
  if (me === null) return [h('a', { class: 'button', href: '/login' }, 'Sign in')];
  if (me.open) return [h('span', { class: 'name' }, 'Read-only')];
  return [h('a', { class: 'name', href: '/login', title: me.groups.join(', ') || 'in no group' },
    h('span', { class: 'unseen' }, 'Signed in as '), me.user)];
}

function themeSwitch() {
  const order = Object.keys(THEMES);
  let now = document.documentElement.dataset.theme ?? 'auto';
  const node = h('button', { type: 'button', class: 'icon', onclick: next });
  function shown() {
    mark(node, { 'aria-label': `Colours: ${THEMES[now].word}`, title: `Colours: ${THEMES[now].word}` });
    put(node, symbol(THEMES[now].path));
  }
  function next() {
    now = order[(order.indexOf(now) + 1) % order.length];
    if (now === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = now;
    try {
      localStorage.setItem('rollout-theme', now);
    } catch {
      // then it lasts until the page is closed
    }
    shown();
  }
  shown();
  return node;
}
