// How does somebody say who he is?

import { h, put } from './dom.js';

/** Show how to sign in; answers how to leave it. */
export async function show(root, _params, ctx) {
  const words = ctx.me?.open ? 'Nobody is asked who he is here.' : ctx.me ? `You are ${ctx.me.user}.` : 'You are not signed in.';
  put(root, h('div', { class: 'panel' }, h('h1', {}, 'Sign in'), h('p', {}, words)));
  return () => {};
}
