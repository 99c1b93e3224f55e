// Is somebody sure of what he asks for, and what became of it?

import { Failure } from './api.js';
import { choiceField } from './choice-field.js';
import { h, mark, put, say } from './dom.js';
import { symbol, warningSymbol } from './marks.js';

const FIRST_LOOK_MS = 300;
const SLOWEST_LOOK_MS = 3_000;
const PATIENCE_MS = 60_000; // a controller without a leader takes so long to get one
const DONE = 'M3 8.5l3.2 3.2L13 5';
let dialogs = 0;

/**
 * Ask whether to give an order, give it, and show what the controller says to it, all in one dialog.
 *
 * wish: {title, verb, facts, effect, path, body}: the question; the words of the button; [term, words] pairs that name the
 * subject and the revision; the sentence that says what will happen; where the command is sent, and what is sent.
 * Also: reason ('needed', 'offered' or 'none'), isDanger, fields ([{name, label, hint, value, isNeeded, choices}], which go into the body; choices: as
 * `choiceField` has them),
 * changed(), which hears that what the page showed is no longer so.
 * Resolves when it is closed: with {result, message} of the controller, or null when nothing was asked for.
 */
export function order(ctx, wish) {
  return new Promise((resolve) => new OrderDialog(ctx, wish, resolve).open());
}

class OrderDialog {
  #ctx;
  #wish;
  #resolve;
  #node;
  #form;
  #outcome;
  #answers;
  #answer = null;
  #isClosed = false;

  constructor(ctx, wish, resolve) {
    this.#ctx = ctx;
    this.#wish = { reason: 'offered', facts: [], fields: [], ...wish };
    this.#resolve = resolve;
  }

  open() {
    const id = `dialog-${++dialogs}`;
    const { title, facts, effect, isDanger, verb } = this.#wish;
    this.#outcome = h('div', { role: 'status' });
    this.#answers = h('div', { class: 'answers' },
      h('button', { type: 'button', onclick: () => this.#node.close() }, 'Cancel'),
      h('button', { type: 'submit', class: isDanger ? 'main danger' : 'main' }, verb));
    this.#form = h('form', { method: 'dialog', novalidate: true, onsubmit: (event) => this.#given(event) },
      h('h2', { id: `${id}-title` }, title),
      facts.length ? h('dl', { class: 'facts' }, ...facts.flatMap(([term, words]) => [h('dt', {}, term), h('dd', {}, words)])) : null,
      h('p', { id: `${id}-effect` }, effect), ...this.#inputs(id), this.#outcome, this.#answers);
    this.#node = h('dialog', {
      class: 'dialog', 'aria-labelledby': `${id}-title`, 'aria-describedby': `${id}-effect`, onclose: () => this.#closed(),
    }, this.#form);
    document.body.append(this.#node);
    this.#node.showModal();
  }

  #inputs(id) {
    const { reason, fields } = this.#wish;
    const why = { name: 'reason', label: 'Reason', isNeeded: reason === 'needed', isLong: true, most: 1024, hint: 'for the record' };
    return [...fields, ...(reason === 'none' ? [] : [why])].map((field) => {
      const { name, label, hint, isNeeded, isLong, most, value, choices } = field;
      const attrs = {
        name, id: `${id}-${name}`, maxlength: most ?? 400, required: isNeeded, 'aria-describedby': `${id}-${name}-wrong`,
        oninput: ({ target }) => this.#complain(target, ''),
      };
      const input = choices ? choiceField(attrs, choices) : h(isLong ? 'textarea' : 'input', attrs);
      if (!choices) input.value = value ?? '';
      const words = [hint, isNeeded ? 'needed' : 'optional'].filter(Boolean).join(', ');
      return h('label', { for: input.id }, label, ' ', h('span', { class: 'hint' }, `(${words})`), input,
        h('span', { class: 'wrong', id: `${id}-${name}-wrong` }));
    });
  }

  #complain(input, words) {
    mark(input, { 'aria-invalid': words ? 'true' : null });
    say(input.nextElementSibling, words);
  }

  async #given(event) {
    event.preventDefault();
    const inputs = [...this.#form.querySelectorAll('input, textarea, select')];
    const missing = inputs.filter((input) => input.required && !input.value.trim());
    for (const input of missing) this.#complain(input, 'Say something here: it is needed.');
    if (missing.length) {
      missing[0].focus();
      return;
    }
    const said = Object.fromEntries(inputs.map((input) => [input.name, input.value.trim()]).filter(([, words]) => words));
    this.#busy(true);
    this.#show('busy', 'Asking for it …');
    try {
      const { command } = await this.#ctx.api.post(this.#wish.path, { ...this.#wish.body, ...said });
      await this.#followed(command);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Look what the controller answers, more and more rarely. */
  async #followed(command) {
    this.#show('busy', `Recorded as ${command}. The controller is about to answer …`);
    this.#finished();
    const until = Date.now() + PATIENCE_MS;
    for (let pause = FIRST_LOOK_MS; Date.now() < until && !this.#isClosed; pause = Math.min(SLOWEST_LOOK_MS, pause * 1.5)) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      const answer = await this.#looked(command);
      if (answer.result) {
        this.#answered(answer);
        return;
      }
    }
    this.#show('held', `The controller has not answered yet. The command is recorded as ${command} and will be obeyed, or refused, once it does.`);
  }

  /** What became of it so far; a controller that is away for a moment has just not answered yet. */
  async #looked(command) {
    try {
      return await this.#ctx.api.get(`${this.#wish.path}/${encodeURIComponent(command)}`);
    } catch (error) {
      if (error.isPassing) return { result: null };
      throw error;
    }
  }

  #answered(answer) {
    this.#answer = answer;
    const isAccepted = answer.result === 'Accepted';
    this.#show(isAccepted ? 'good' : 'bad', `${answer.result}${answer.message ? `: ${answer.message}` : ''}`);
  }

  #failed(error) {
    const words = error instanceof Failure ? error.detail : String(error);
    const isRecorded = this.#answers.childElementCount === 1;
    if (error.status === 401) this.#show('bad', words, signInAgain());
    else if (isRecorded && error.status === 403) this.#show('held', `It is recorded. You cannot see what becomes of it: ${words}`);
    else this.#show('bad', error.status === 409 ? `What you saw has changed: ${words}. Nothing was done.` : words);
    if (error.status === 409) this.#wish.changed?.();
    this.#busy(false);
    if (error.status === 409 || error.status === 403) this.#finished();
  }

  #busy(isBusy) {
    for (const node of this.#form.querySelectorAll('input, textarea, select')) {
      node[node.localName === 'select' ? 'disabled' : 'readOnly'] = isBusy;
    }
    const submit = this.#form.querySelector('[type=submit]');
    if (submit) submit.disabled = isBusy;
  }

  /** Nothing is to be asked here any more: only to be read. */
  #finished() {
    for (const label of this.#form.querySelectorAll('label')) label.remove();
    const close = h('button', { type: 'button', class: 'main', onclick: () => this.#node.close() }, 'Close');
    put(this.#answers, close);
    close.focus();
  }

  #show(tone, words, more = null) {
    const sign = tone === 'busy' ? h('span', { class: 'spinner', 'aria-hidden': 'true' }) : tone === 'good' ? symbol(DONE) : warningSymbol();
    put(this.#outcome, h('div', { class: 'outcome', 'data-tone': tone }, sign, h('span', {}, words, more ? ' ' : null, more)));
  }

  #closed() {
    this.#isClosed = true;
    this.#node.remove();
    this.#resolve(this.#answer);
  }
}

/** A link that leaves the page, and the dialog with it; whoever signs in comes back to what he was looking at. */
function signInAgain() {
  const next = encodeURIComponent(location.pathname + location.search);
  return h('a', { href: `/login?next=${next}`, target: '_self' }, 'Sign in again');
}
