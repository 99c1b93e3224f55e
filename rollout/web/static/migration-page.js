// How does one migration stand: its waves, each namespace on its way, who still speaks plaintext, and what may be asked?

import { h, keyed, mark, say } from './dom.js';
import { fresh } from './fresh.js';
import { badge, counted, moment, personSymbol, prose, span, symbol, warningSymbol } from './marks.js';
import { kindWords, progress, standing, steps, waiting } from './migration-card.js';
import { ofMigration, ofNamespace, ofWave } from './move-orders.js';
import { moveWhy } from './move-why.js';
import { placed, stepsOf } from './stages.js';

const PASSED = 'M3 8.5l3.2 3.2L13 5';

/** A page of one migration: {node, show(migration)}. What did not change keeps its nodes, its focus and its open menus. */
export function migrationPage(ctx) {
  const badges = h('span', { class: 'badges' });
  const orders = h('div', { class: 'orders' });
  const title = h('h1', {});
  const summary = h('div', { class: 'panel summary' });
  const waves = h('div', { class: 'waves' });
  const callers = h('section', { class: 'panel', 'aria-labelledby': 'plaintext' });
  const node = h('div', { class: 'migration' },
    h('p', { class: 'way' }, h('a', { href: '/meshmigrations' }, 'Mesh migrations')),
    h('div', { class: 'head' }, title, badges, orders), summary, waves, callers);

  function show(migration) {
    say(title, migration.name);
    fresh(badges, [migration.paused, migration.done, migration.total, migration.needsPerson, migration.error], () => standing(migration));
    fresh(orders, [migration.paused, migration.done, migration.holds, migration.namespaces.map((one) => one.holds), ctx.me],
      () => (canAsk(ctx) ? ofMigration(ctx, migration).map(button) : []));
    const { namespaces, waves: _, ...rest } = migration;
    fresh(summary, [rest, namespaces.map((one) => one.stage)], () => [
      h('p', { class: 'soft' }, kindWords(migration)), progress(migration), steps(migration), ...waiting(migration)]);
    keyed(waves, grouped(migration), {
      key: ({ wave }) => wave.name, make: waveSection, update: (section, group) => updateWave(section, group, migration, ctx),
    });
    plaintext(callers, migration);
  }
  return { node, show };
}

/** Orders are for those who have said who they are; whether they may is the cluster's to say. */
function canAsk(ctx) {
  return Boolean(ctx.me && !ctx.me.open);
}

/** The waves with their namespaces; what no wave names any more comes last. */
function grouped({ waves, namespaces }) {
  const groups = waves.map((wave, index) => ({
    wave, title: `Wave ${index + 1}: ${wave.name}`, namespaces: namespaces.filter((one) => one.wave === wave.name),
  }));
  const others = namespaces.filter((one) => !waves.some((wave) => wave.name === one.wave));
  const wave = { name: '', namespaces: [], concurrency: 0, approval: '', approved: [], begun: true };
  return others.length ? [...groups, { wave, title: 'In no wave any more', namespaces: others }] : groups;
}

function waveSection() {
  const title = h('h2', {});
  const table = h('table', { class: 'moves', role: 'table' }, h('caption', { class: 'unseen' }), h('thead', { role: 'rowgroup' }),
    h('tbody', { role: 'rowgroup' }));
  return Object.assign(h('section', { class: 'panel wave' },
    h('div', { class: 'line' }, title, h('span', { class: 'badges' }), h('span', { class: 'orders' })),
    h('p', { class: 'soft about' }), table), { parts: { title, table } });
}

function updateWave(section, { wave, title, namespaces }, migration, ctx) {
  const columns = stepsOf(migration.target);
  const { title: heading, table } = section.parts;
  say(heading, title);
  say(table.caption, `Namespaces of ${title}`);
  fresh(section.querySelector('.badges'), [wave, namespaces.map((one) => one.stage)], () => [waveBadge(wave, namespaces)]);
  fresh(section.querySelector('.line .orders'), [wave, ctx.me], () => (canAsk(ctx) ? ofWave(ctx, migration, wave).map(button) : []));
  fresh(section.querySelector('.about'), wave, () => about(wave));
  fresh(table.tHead, columns, () => [h('tr', { role: 'row' }, ...['Namespace', ...columns.map(({ word }) => word), 'Waits for', '']
    .map((word) => h('th', { role: 'columnheader', scope: 'col' }, word || h('span', { class: 'unseen' }, 'Orders'))))]);
  keyed(table.tBodies[0], namespaces, {
    key: (one) => one.name, make: (one) => row(columns, moveWhy(ctx, migration.name, one.name)),
    update: (tr, one) => updateRow(tr, one, columns, canAsk(ctx) ? ofNamespace(ctx, migration, one) : []),
  });
}

function waveBadge(wave, namespaces) {
  if (namespaces.length && namespaces.every((one) => ['Done', 'Excepted'].includes(one.stage))) return badge('good', 'Done', PASSED);
  if (wave.begun) return badge('busy', 'Moving', 'M3 11.5l4-4 2.5 2.5L13 5M9.5 5H13v3.5');
  return badge('none', 'Not begun');
}

function about(wave) {
  if (!wave.name) return ['The spec names these namespaces no more; they stay as they are.'];
  const words = [wave.concurrency === 1 ? 'one namespace changes at a time' : `up to ${wave.concurrency} namespaces change at a time`];
  if (wave.approval) words.push(`needs ${wave.approval}`);
  const given = wave.approved.map(({ by, at, channel }) => h('span', { class: 'given' }, symbol(PASSED), `approved by ${by}`,
    channel ? ` (${channel})` : null, at ? [', ', moment(at)] : null));
  return [`${words.join(' · ')}${given.length ? ' · ' : ''}`, ...given];
}

function row(columns, why) {
  const names = ['name', ...columns.map(({ id }) => id), 'waits', 'orders'];
  const tr = h('tr', { role: 'row' }, ...names.map((name, index) => h(index ? 'td' : 'th', {
    role: index ? 'cell' : 'rowheader', scope: index ? null : 'row', 'data-column': name,
  }, name === 'waits' ? [h('div', {}), why.node] : null)));
  return Object.assign(tr, { why });
}

function updateRow(tr, one, columns, orders) {
  const cells = [...tr.children];
  const { at, tone, words, isAside } = placed(one.stage, columns);
  fresh(cells[0], [one.name, one.callers.length], () => [h('span', { class: 'called' }, one.name),
    one.callers.length ? h('a', { class: 'soft small', href: '#plaintext' }, counted(one.callers.length, 'plaintext caller')) : null]);
  columns.forEach(({ word }, index) => {
    const cell = cells[index + 1];
    mark(cell, { 'data-at': index < at ? 'passed' : index === at ? 'here' : 'ahead', 'data-word': word });
    fresh(cell, [index < at ? 'passed' : index === at ? [words, tone, one.since] : 'ahead'], () => step(index, at, { tone, words, isAside, since: one.since }));
  });
  tr.why.show(one);
  fresh(cells[columns.length + 1].firstElementChild, [one.holds, one.needsPerson, one.next, one.whyBack], () => waits(one));
  fresh(cells[columns.length + 2], [one.stage, one.verbs, orders.length], () => (orders.length ? [menu(one.name, orders)] : []));
}

function step(index, at, { tone, words, isAside, since }) {
  if (index < at) return [h('span', { class: 'stop passed' }, symbol(PASSED)), h('span', { class: 'unseen' }, 'passed')];
  if (index > at) return [h('span', { class: 'stop' }), h('span', { class: 'unseen' }, 'not yet')];
  const sign = isAside && tone === 'bad' ? 'M4 4l8 8M12 4l-8 8' : '';
  return [badge(tone, words, sign), since ? h('span', { class: 'soft small' }, `for ${span(Date.now() - new Date(since))}`) : null];
}

function waits({ holds, next, whyBack }) {
  const sign = (hold) => (hold.needsPerson ? [personSymbol(), h('span', { class: 'unseen' }, 'Needs a person: ')]
    : hold.warning ? [warningSymbol()] : []);
  const lines = holds.map((hold) => h('p', { class: 'hold' }, ...sign(hold), h('span', {}, prose(hold.message))));
  if (whyBack && !holds.some(({ message }) => message.includes(whyBack))) {
    lines.unshift(h('p', { class: 'hold' }, warningSymbol(), h('span', {}, prose(whyBack))));
  }
  if (next) lines.push(h('p', { class: 'hold soft' }, h('span', {}, prose(`Next: ${next}`))));
  return lines;
}

function plaintext(section, { namespaces }) {
  const found = namespaces.flatMap((one) => one.callers.map((caller) => ({ namespace: one.name, ...caller })));
  fresh(section, found, () => [h('h2', { id: 'plaintext' }, 'Plaintext callers'),
    found.length ? callerTable(found) : h('p', { class: 'soft' }, 'Nobody was seen to speak plaintext to a namespace that is watched.')]);
}

function callerTable(found) {
  const heads = ['Caller', 'Calls', 'Of', 'Last'];
  return h('table', { class: 'callers', role: 'table' }, h('thead', { role: 'rowgroup' },
    h('tr', { role: 'row' }, ...heads.map((word) => h('th', { role: 'columnheader', scope: 'col' }, word)))),
  h('tbody', { role: 'rowgroup' }, ...found.map(({ namespace, source, workload, calls, last }) => h('tr', { role: 'row' },
    h('th', { role: 'rowheader', scope: 'row' }, source || 'unknown: it has no proxy'),
    h('td', { role: 'cell', 'data-word': 'Calls' }, calls), h('td', { role: 'cell', 'data-word': 'Of' }, `${namespace}: ${workload}`),
    h('td', { role: 'cell', 'data-word': 'Last' }, moment(last))))));
}

function button({ word, give, isDanger, isMain }) {
  return h('button', { type: 'button', class: isMain ? 'main' : isDanger ? 'danger' : null, onclick: give }, word);
}

/** Orders behind one button: a row has no room for all of them. */
function menu(name, orders) {
  const details = h('details', { class: 'menu', onkeydown: (event) => event.key === 'Escape' && shut(), onfocusout: (event) => {
    if (event.relatedTarget && !details.contains(event.relatedTarget)) details.open = false;
  } });
  function shut() {
    details.open = false;
    details.querySelector('summary').focus();
  }
  details.append(h('summary', { class: 'button small' }, 'Orders', h('span', { class: 'unseen' }, ` for ${name}`)),
    h('div', { class: 'choices' }, ...orders.map(({ word, give, isDanger }) => h('button', {
      type: 'button', class: isDanger ? 'small danger' : 'small', onclick: () => {
        shut();
        give();
      },
    }, word))));
  return details;
}
