// Which of some does somebody mean, where it takes a moment to know them, and where it may be none of them?

import { h, put } from './dom.js';

const LOOKING = 'Looking …';
const LONGEST = 110;
const ANOTHER = '\u2026'; // no value of a choice: it turns the choice into a text

/**
 * A field to choose in. attrs: of the field, whichever it becomes; choices(): a promise of [{value, words}]. It is one to
 * type in once `Another one` is chosen, and when there is nothing to choose or nobody can tell what there is.
 */
export function choiceField(attrs, choices) {
  const { maxlength, ...rest } = attrs;
  const select = h('select', { ...rest, 'aria-busy': 'true', onchange: () => select.value === ANOTHER && typed(true) },
    h('option', { value: '' }, LOOKING));

  function typed(isAsked) {
    const input = h('input', attrs);
    const hadFocus = document.activeElement === select;
    select.replaceWith(input);
    if (isAsked || hadFocus) input.focus();
  }
  choices().then((found) => {
    if (!found.length) return typed(false);
    mayChoose(select, found);
  }).catch(() => typed(false));
  return select;
}

function mayChoose(select, found) {
  select.removeAttribute('aria-busy');
  put(select, h('option', { value: '' }, 'Choose one'), ...found.map(({ value, words }) => h('option', { value }, short(words))),
    h('option', { value: ANOTHER }, 'Another one, to type in'));
}

function short(words) {
  return words.length > LONGEST ? `${words.slice(0, LONGEST - 1).trimEnd()}…` : words;
}
