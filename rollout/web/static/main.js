// Which page is shown at which address, and what do all of them have around them?

import { Api } from './api.js';
import { h, put, say } from './dom.js';
import { Live, waiting } from './live.js';
import { notes } from './notes.js';
import { shell } from './shell.js';
import { empty, refused, unloaded } from './states.js';

const ROUTES = [
  { path: /^\/$/, module: './fleet.js', title: 'Rollouts' },
  { path: /^\/rollouts\/(?<namespace>[^/]+)\/(?<name>[^/]+)$/, module: './rollout.js', title: ({ name }) => name },
  { path: /^\/meshmigrations$/, module: './migrations.js', title: 'Mesh migrations' },
  { path: /^\/meshmigrations\/(?<name>[^/]+)$/, module: './migrations.js', title: ({ name }) => name },
  { path: /^\/login$/, module: './login.js', title: 'Sign in' },
];

const api = new Api();
const live = new Live();
const root = document.getElementById('main');
const ctx = { me: undefined, api, live, go, say: tell, refresh };
let leave = () => {};
let turn = 0;
let scrolled = 0;
let failures = 0;

/** Show another address of the dashboard. replace: the present one is no place to come back to. */
function go(address, { replace = false } = {}) {
  if (replace) history.replaceState({}, '', address);
  else {
    history.replaceState({ ...history.state, top: window.scrollY }, '');
    history.pushState({}, '', address);
  }
  return show({ isNew: true });
}

/** Say something to whoever hears the page, and to nobody else. */
function tell(words) {
  say(document.getElementById('news'), words);
}

/** Ask who the caller is, at first and after signing in or out. me: null for nobody, undefined while nobody can say. */
async function refresh() {
  try {
    ctx.me = await api.me();
    failures = 0;
    live.start();
  } catch (error) {
    if (error.isPassing) setTimeout(refresh, waiting(failures++));
    else {
      ctx.me = null;
      live.stop();
    }
    api.failed(error);
  }
  frame.show(ctx.me);
  return ctx.me;
}

async function show({ isNew }) {
  const mine = ++turn;
  const { route, params } = found(location.pathname);
  leave();
  leave = () => {};
  put(root);
  frame.at(location.pathname);
  if (!route) {
    titled('Not found', isNew);
    put(root, empty('There is no such page', 'The address may have been cut off.', h('a', { href: '/' }, 'To the Rollouts')));
    return;
  }
  titled(typeof route.title === 'function' ? route.title(params) : route.title, isNew);
  try {
    const page = await import(route.module).catch(() => ({ show: () => put(root, unloaded()) && null }));
    if (mine !== turn) return;
    const left = await page.show(root, { ...params, query: new URLSearchParams(location.search) }, ctx);
    if (mine === turn) leave = left ?? leave;
    else left?.();
  } catch (error) {
    if (mine !== turn) return;
    console.error(error);
    put(root, refused(error));
  }
  if (mine === turn && isNew) settle();
}

function found(path) {
  for (const route of ROUTES) {
    const match = route.path.exec(path);
    if (match) {
      const params = Object.fromEntries(Object.entries(match.groups ?? {}).map(([name, value]) => [name, decoded(value)]));
      return { route, params };
    }
  }
  return { route: null, params: {} };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function titled(title, isNew) {
  document.title = `${title} · rollout`;
  if (isNew) tell(title);
}

/** A new page begins at its top and with the focus on it; one that was come back to, where it was left. */
function settle() {
  if (!root.contains(document.activeElement)) root.focus({ preventScroll: true });
  window.scrollTo(0, scrolled);
  scrolled = 0;
}

function follow(event) {
  const link = event.target.closest?.('a[href]');
  const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  if (!link || !isPlain || event.defaultPrevented || link.target || link.hasAttribute('download')) return;
  if (link.classList.contains('skip')) { // a jump by the browser would be an entry of the history, and show the page anew
    event.preventDefault();
    root.focus();
    return;
  }
  const wanted = new URL(link.href);
  if (wanted.origin !== location.origin || !found(wanted.pathname).route || wanted.hash) return;
  event.preventDefault();
  go(wanted.pathname + wanted.search);
}

function signIn() {
  live.stop();
  ctx.me = null; // his session has ended: the page to sign in must not say that he is
  frame.show(null);
  if (location.pathname === '/login') return;
  go(`/login?next=${encodeURIComponent(location.pathname + location.search)}`, { replace: true });
}

history.scrollRestoration = 'manual';
const frame = shell(document.getElementById('top'), ctx);
notes(document.getElementById('notes'), ctx);
document.addEventListener('click', follow);
window.addEventListener('popstate', (event) => {
  if (event.state === null && location.hash) return; // another place of the same page
  scrolled = event.state?.top ?? 0;
  show({ isNew: true });
});
api.on('unknown', signIn);
live.on('unknown', signIn);
await refresh();
await show({ isNew: false });
// The other pages are here before they are asked for: then they can be gone to while the controller is away.
await Promise.allSettled(ROUTES.map(({ module }) => import(module)));
