// Which keys does the dashboard know?

import { h } from './dom.js';

const KEYS = [
  ['/', 'search'],
  ['j  or  ↓', 'next line'],
  ['k  or  ↑', 'former line'],
  ['Enter', 'open the line'],
  ['Esc', 'leave the search, or close what is open'],
  ['?', 'this help'],
];

/** Show the keys. */
export function help() {
  const dialog = h('dialog', { class: 'dialog', 'aria-labelledby': 'help-title', onclose: () => dialog.remove() },
    h('h2', { id: 'help-title' }, 'Keys'),
    h('dl', { class: 'keys' }, ...KEYS.flatMap(([key, words]) => [h('dt', {}, h('kbd', {}, key)), h('dd', {}, words)])),
    h('form', { method: 'dialog', class: 'answers' }, h('button', { class: 'button', autofocus: true }, 'Close')));
  document.body.append(dialog);
  dialog.showModal();
}
