// How does somebody say who he is, and how does he leave?
//
// Whoever signs in or out gets the page anew from the server: nothing of what somebody else has seen stays in it.

import { h, put } from './dom.js';
import { warningSymbol } from './marks.js';
import { loading, refused } from './states.js';

// What rollout/web/signing_in.py comes back with.
const TROUBLES = {
  stale: 'That took too long, or began in another browser. Sign in again.',
  declined: 'You did not sign in at the issuer.',
  refused: 'What came back was not the issuer’s answer to this browser. Sign in again; if it stays so, an administrator finds the reason in the controller’s log (sign_in_refused).',
  unnamed: 'The issuer does not say who you are: its token lacks your name, or your e-mail address is not verified there. Ask an administrator.',
  'too-long': 'You are in more groups than a browser can keep. Ask an administrator to have the issuer send fewer.',
  unavailable: 'The issuer does not answer now. Try again.',
  'too-many': 'Too many tries from your address. Wait a minute.',
};
const WAYS = {
  bearer: 'by a token that your browser sends along',
  proxy: 'by the proxy in front, which also signs you out',
  token: 'by a token of the cluster',
  issuer: 'by the issuer',
};

/** Show how to sign in, or who one is and how to sign out; answers how to leave it. */
export async function show(root, { query }, ctx) {
  let isHere = true;
  put(root, loading('how to sign in'));
  try {
    const ways = await ctx.api.get('/api/v1/login');
    if (!isHere) return () => {};
    const next = place(query.get('next'));
    const known = ctx.me && !ctx.me.open;
    const inside = known ? signedIn(ctx, next) : signedOut(ctx, ways, next, query.get('error'));
    put(root, h('div', { class: 'login' }, h('section', { class: 'panel', 'aria-labelledby': 'login-title' }, ...inside)));
  } catch (error) {
    put(root, refused(error));
  }
  return () => {
    isHere = false;
  };
}

/** Where somebody was, if that is a page of ours; '/' for everything else. */
export function place(wanted) {
  if (!wanted?.startsWith('/')) return '/';
  try {
    const found = new URL(wanted, location.origin);
    const isOurs = found.origin === location.origin && !found.pathname.startsWith('/login');
    return isOurs ? found.pathname + found.search : '/';
  } catch {
    return '/';
  }
}

function signedIn(ctx, next) {
  const { me } = ctx;
  const ends = me.until ? [h('dt', {}, 'Ends'), h('dd', {}, `${clock(me.until)}, if you do nothing until then`)] : [];
  const isSession = me.way === 'token' || me.way === 'issuer';
  const said = h('p', { class: 'said', role: 'alert', hidden: true });
  return [
    h('h1', { id: 'login-title' }, 'You are signed in'),
    h('dl', { class: 'who-is' },
      h('dt', {}, 'User'), h('dd', {}, me.user),
      h('dt', {}, 'Groups'), h('dd', {}, me.groups.join(', ') || 'none'),
      h('dt', {}, 'Proven'), h('dd', {}, WAYS[me.way] ?? me.way),
      ...ends),
    said,
    h('div', { class: 'answers' },
      isSession ? h('button', { type: 'button', onclick: (event) => signOut(ctx, event.currentTarget, said) }, 'Sign out') : null,
      h('a', { class: 'button main', href: next }, 'Go on')),
  ];
}

async function signOut(ctx, button, said) {
  button.disabled = true;
  try {
    const { end } = await ctx.api.post('/logout', {});
    location.assign(end || '/login');
  } catch (error) {
    button.disabled = false;
    told(said, error.detail ?? error.message);
  }
}

function signedOut(ctx, ways, next, trouble) {
  const said = h('p', { class: 'said', role: 'alert', hidden: true });
  if (trouble) told(said, TROUBLES[trouble] ?? 'You are not signed in. Try again.');
  const all = [
    ways.issuer ? toIssuer(ways.issuer, next) : null,
    ways.issuer && ways.token ? h('p', { class: 'or' }, h('span', {}, 'or')) : null,
    ways.token ? byToken(ctx, next, said, !ways.issuer) : null,
    ways.proxy ? h('p', { class: 'hint' }, 'Or come by the proxy of this installation: it says who you are.') : null,
  ];
  return [h('h1', { id: 'login-title' }, 'Sign in'), said, ...(ways.open ? unasked() : all)];
}

function unasked() {
  return [
    h('p', {}, 'Nobody is asked who he is here: everything can be seen, and nothing changed. ',
      'To let people sign in, start the controller with ', h('code', {}, '--login-issuer'), ' or ',
      h('code', {}, '--api-tokens'), ' (docs/login.md).'),
    h('div', { class: 'answers' }, h('a', { class: 'button main', href: '/' }, 'To the Rollouts')),
  ];
}

function toIssuer(issuer, next) {
  return h('a', { class: 'button main wide', href: `/login/issuer?next=${encodeURIComponent(next)}` }, `Sign in at ${host(issuer)}`);
}

function byToken(ctx, next, said, isFirst) {
  const token = h('input', {
    id: 'login-token', type: 'password', required: true, autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off',
    'aria-describedby': 'login-hint',
  });
  const button = h('button', { type: 'submit', class: isFirst ? 'main wide' : 'wide' }, 'Sign in with the token');
  async function submit(event) {
    event.preventDefault();
    button.disabled = true;
    try {
      await ctx.api.post('/login/token', { token: token.value.trim() });
      location.assign(next);
    } catch (error) {
      button.disabled = false;
      told(said, error.status === 422 ? 'This is no token, or one that is too long for a browser to keep.' : error.detail ?? error.message);
      token.focus();
      token.select();
    }
  }
  return h('form', { onsubmit: submit },
    h('label', { for: 'login-token' }, 'Token of the cluster'), token,
    h('p', { class: 'hint', id: 'login-hint' }, 'Make one with ', h('code', {}, 'kubectl create token NAME -n NAMESPACE'),
      '. The dashboard does with it what its user may do, and forgets it when you sign out.'),
    button);
}

function told(node, words) {
  put(node, warningSymbol(), h('span', {}, words));
  node.hidden = false;
}

function host(issuer) {
  try {
    return new URL(issuer).host;
  } catch {
    return issuer;
  }
}

function clock(time) {
  return new Date(time).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}
