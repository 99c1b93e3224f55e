// How do phases, verdicts, stages, weights and times look, everywhere alike? A word and a symbol, never colour alone.

import { h, mark, say, svg } from './dom.js';

const PHASES = {
  Idle: { tone: 'calm', path: 'M3 8.5l3.2 3.2L13 5', word: 'Idle' },
  Progressing: { tone: 'busy', path: 'M3 11.5l4-4 2.5 2.5L13 5M9.5 5H13v3.5', word: 'Progressing' },
  Paused: { tone: 'held', path: 'M5.5 3.5v9M10.5 3.5v9', word: 'Paused' },
  Promoting: { tone: 'busy', path: 'M8 13V3.5M4 7l4-4 4 4', word: 'Promoting' },
  RollingBack: { tone: 'bad', path: 'M6 3.5L3 6.5l3 3M3.5 6.5H10a3 3 0 010 6H7', word: 'Rolling back' },
  Failed: { tone: 'bad', path: 'M4 4l8 8M12 4l-8 8', word: 'Failed' },
};
const VERDICTS = {
  PASS: { tone: 'good', path: 'M3 8.5l3.2 3.2L13 5', word: 'Pass' },
  FAIL: { tone: 'bad', path: 'M4 4l8 8M12 4l-8 8', word: 'Fail' },
  INCONCLUSIVE: { tone: 'held', path: 'M3 8h10', word: 'Inconclusive' },
};
const PERSON = 'M8 8a2.6 2.6 0 100-5.2A2.6 2.6 0 008 8zM3 14c0-2.8 2-4.4 5-4.4s5 1.6 5 4.4';
const WARNING = 'M8 2.5L14.5 13.5h-13zM8 7v3M8 11.8v.2';
const INFO = 'M8 7.5V12M8 4.5v.2';

/** The words for a phase. */
export function phaseWord(phase) {
  return PHASES[phase]?.word ?? phase;
}

/** The phases in the order in which people look for them. */
export const PHASE_ORDER = ['Progressing', 'Promoting', 'Paused', 'RollingBack', 'Failed', 'Idle'];

/** A phase as a badge; `update` it by `showBadge`. */
export function phaseBadge(phase) {
  return showBadge(h('span', { class: 'badge' }), PHASES[phase], phase);
}

/** A verdict as a badge; nothing to judge is a dash. */
export function verdictBadge(verdict) {
  return showVerdict(h('span', { class: 'badge plain' }), verdict);
}

/** Let a badge show another phase. */
export function showPhase(node, phase) {
  return showBadge(node, PHASES[phase], phase);
}

/** Let a badge show another verdict; null: nothing was judged. */
export function showVerdict(node, verdict) {
  if (verdict !== null) return showBadge(node, VERDICTS[verdict], verdict);
  return showBadge(node, { tone: 'none', path: '', word: '–' }, '');
}

/** A badge of any meaning. tone: good, calm, busy, held, bad or none. */
export function badge(tone, word, path = '') {
  return showBadge(h('span', { class: 'badge' }), { tone, path, word }, word);
}

function showBadge(node, how, name) {
  const { tone, path, word } = how ?? { tone: 'none', path: '', word: name };
  if (node.dataset.shown === `${tone} ${word}`) return node;
  mark(node, { 'data-tone': tone, 'data-shown': `${tone} ${word}` });
  node.replaceChildren(...(path ? [symbol(path)] : []), document.createTextNode(word));
  return node;
}

/** A symbol of one line on 16 x 16; it says nothing that is not there in words. */
export function symbol(path, attrs = {}) {
  return svg('svg', { class: 'symbol', viewBox: '0 0 16 16', 'aria-hidden': 'true', focusable: 'false', ...attrs },
    svg('path', { d: path }));
}

/** The symbol of something that a person has to do. */
export function personSymbol() {
  return symbol(PERSON, { class: 'symbol person' });
}

/** The symbol of a warning. */
export function warningSymbol() {
  return symbol(WARNING, { class: 'symbol warning' });
}

/** The symbol of something worth knowing. */
export function infoSymbol() {
  return symbol(INFO, { class: 'symbol info' });
}

/** A weight from 0 to 100 as a bar and in figures; update it by `showWeight`. */
export function weightBar(weight) {
  return showWeight(h('span', { class: 'weight' }, percentBar(0), h('span', { class: 'figure' })), weight);
}

/** A bar that is filled to so many percent. */
export function percentBar(percent) {
  return svg('svg', { class: 'bar', viewBox: '0 0 100 8', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    svg('rect', { class: 'rail', width: 100, height: 8 }), svg('rect', { class: 'fill', width: percent, height: 8 }));
}

/** Let a bar show another weight; null: there is no run. */
export function showWeight(node, weight) {
  mark(node.querySelector('.fill'), { width: weight ?? 0 });
  node.classList.toggle('empty', weight === null);
  say(node.querySelector('.figure'), weight === null ? '–' : `${weight} %`);
  return node;
}

/** Which step of how many; '–' without a run, as the CLI says it. */
export function stepWords({ run, step, steps, weight }) {
  if (weight === null || !run) return '–';
  return steps ? `${Math.min(step, steps)}/${steps}` : 'auto';
}

/** How long ago something was, in one unit: "12 s", "5 min", "3 h", "2 d". */
export function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86_400)} d`;
}

/** A moment as people of this place write it, with a machine's form beside it. */
export function moment(iso) {
  if (!iso) return h('span', {}, '–');
  const at = new Date(iso);
  const words = at.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
  return h('time', { datetime: iso, title: at.toISOString() }, words);
}

/** A number with separators. */
export function figure(number) {
  return Number(number).toLocaleString('en');
}

/** A noun in the right number: counted(1, 'Rollout') is "1 Rollout". */
export function counted(number, noun) {
  return `${figure(number)} ${noun}${number === 1 ? '' : 's'}`;
}

/** A sentence with its `commands` set apart, for `h` and `put`. */
export function prose(words) {
  return String(words).split(/`([^`]+)`/).map((part, index) => (index % 2 ? h('code', {}, part) : part));
}
