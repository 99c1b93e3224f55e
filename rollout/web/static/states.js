// What stands on a page while there is nothing to show, and why?

import { h } from './dom.js';

/** A page that is being read. */
export function loading(what) {
  return h('div', { class: 'panel loading', role: 'status' }, h('span', { class: 'spinner', 'aria-hidden': 'true' }),
    h('span', {}, `Reading ${what} …`));
}

/** A page on which there is nothing, and what to do about it. */
export function empty(title, words, ...more) {
  return h('div', { class: 'panel empty' }, h('h1', {}, title), h('p', {}, words), ...more.map((one) => h('p', {}, one)));
}

/** A page whose files did not come: the controller is away, or was replaced by another version. */
export function unloaded() {
  return h('div', { class: 'panel empty', role: 'alert' }, h('h1', {}, 'This page did not come'),
    h('p', {}, 'The controller does not answer, or has been replaced by another version.'),
    h('p', {}, h('button', { type: 'button', class: 'main', onclick: () => location.reload() }, 'Load it again')));
}

/** A page that cannot be shown: no right, not there, or something that should not have happened. */
export function refused(error) {
  const titles = { 403: 'You have no right to see this', 404: 'There is no such thing' };
  return h('div', { class: 'panel empty', role: 'alert' },
    h('h1', {}, titles[error.status] ?? 'This page cannot be shown'),
    h('p', {}, error.detail ?? error.message),
    h('p', {}, h('a', { href: '/' }, 'To the Rollouts')));
}
