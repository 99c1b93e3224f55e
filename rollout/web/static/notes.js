// What has to be known about a page as a whole: that it is old, cut off, or nobody's to change?

import { h, mark, put, say } from './dom.js';
import { infoSymbol, span, warningSymbol } from './marks.js';

const TICK_MS = 1_000;
const SHORT_MS = 4_000; // a stream that comes back at once worries nobody

/** Keep the notes of `place` true. */
export function notes(place, ctx) {
  const cut = h('span', {});
  const warning = h('div', { class: 'note warn', hidden: true }, warningSymbol(),
    h('span', { class: 'unseen', role: 'status' }), cut,
    h('button', { type: 'button', onclick: () => ctx.live.now() }, 'Try now'));
  const open = h('div', { class: 'note', hidden: true }, infoSymbol(),
    h('span', {}, 'Nobody is asked who he is here, so everything can be seen and nothing changed. To sign in, start the ' +
      'controller with ', h('code', {}, '--api-tokens'), '; ', h('code', {}, 'rollout'), ' in a terminal works without.'));
  put(place, open, warning);

  function shown() {
    const { words, spoken } = trouble(ctx);
    mark(warning, { hidden: words === '' });
    say(cut, words);
    say(warning.querySelector('[role=status]'), spoken);
    mark(warning.querySelector('button'), { hidden: ctx.live.state !== 'cut' });
    mark(cut, { 'aria-hidden': 'true' });
    mark(document.getElementById('main'), { 'data-stale': words !== '' });
    mark(open, { hidden: !ctx.me?.open });
  }

  ctx.api.on('change', shown);
  ctx.live.on('state', shown);
  setInterval(shown, TICK_MS);
  shown();
}

/** The sentence to read, which counts, and the one to hear, which does not. */
function trouble({ api, live }) {
  const now = Date.now();
  const age = api.read ? ` What you see was read ${span(now - api.read)} ago.` : '';
  if (api.trouble) {
    return { words: `${capital(api.trouble.detail)}.${age} It is tried again by itself.`, spoken: `${capital(api.trouble.detail)}.` };
  }
  if (live.state === 'cut' && now - live.since >= SHORT_MS) {
    const next = live.retryAt > now ? ` Next try in ${span(live.retryAt - now)}.` : '';
    const why = `${live.why ? `${capital(live.why)}. ` : ''}Changes do not arrive here.`;
    return { words: `${why}${age}${next}`, spoken: why };
  }
  return { words: '', spoken: '' };
}

function capital(words) {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
