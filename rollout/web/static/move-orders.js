// What may somebody ask of a migration, of a wave, of a namespace, and what would come of it?

import { migrationPath } from './api.js';
import { order } from './dialog.js';
import { prose } from './marks.js';
import { words } from './stages.js';

const OF_NAMESPACE = {
  fallback: {
    word: 'Fall back', isDanger: true, title: (name) => `Fall back ${name} to PERMISSIVE?`,
    effect: (name) => `mTLS in ${name} is opened to plaintext at once, in one tick, and the namespace goes no further until somebody lets it try again.`,
  },
  rollback: {
    word: 'Roll back', isDanger: true, title: (name) => `Roll ${name} back out of the mesh?`,
    effect: (name) => `${name} is put back as it was before the migration, step by step: opened first, then un-enrolled. Its workloads are restarted.`,
  },
  retry: {
    word: 'Try again', title: (name) => `Try again with ${name}?`,
    effect: (name) => `${name} goes on from where it fell back, through every gate anew.`,
  },
  acknowledge: {
    word: 'Acknowledge a warning', reason: 'needed', title: (name) => `Answer for a warning in ${name}?`,
    effect: () => 'You take responsibility for what the check warns of. The checks run again at once and count without it.',
    fields: (ctx, migration, name) => [{
      name: 'finding', label: 'Finding', hint: 'a check such as PA-01, or PA-01 Deployment shop/api', isNeeded: true,
      choices: () => warnings(ctx, migration, name),
    }],
  },
  promote: {
    word: 'Skip the rest of the soak', reason: 'needed', title: (name) => `Skip the rest of the soak of ${name}?`,
    effect: (name) => `${name} counts as quiet for long enough and goes on towards STRICT. The next plaintext call makes that void.`,
  },
};

/** The orders that a namespace obeys now: [{word, give}]. */
export function ofNamespace(ctx, migration, namespace) {
  return namespace.verbs.filter((verb) => verb in OF_NAMESPACE).map((verb) => {
    const { word, title, effect, fields, ...more } = OF_NAMESPACE[verb];
    const facts = [['Namespace', namespace.name], ['Stage', words(namespace.stage)], ['Migration', migration.name],
      ...(verb === 'acknowledge' ? namespace.holds.map(({ message }) => ['It waits for', prose(message)]) : [])];
    return {
      word,
      verb,
      isDanger: more.isDanger,
      give: () => ask(ctx, migration, {
        ...more, verb: word, title: title(namespace.name), effect: effect(namespace.name), facts,
        body: { verb, subject: namespace.name }, fields: fields?.(ctx, migration, namespace.name) ?? [],
      }),
    };
  });
}

/** What preflight warns of in a namespace, and nobody has answered for: [{value, words}]. What only a metrics server tells is not in it. */
async function warnings(ctx, migration, namespace) {
  const path = `${migrationPath(migration.name)}/preflight?${new URLSearchParams({ namespace })}`;
  const { account } = await ctx.api.get(path);
  return account.namespaces.flatMap(({ findings }) => findings)
    .filter(({ severity, acknowledged, couldNotLook }) => severity === 'warn' && !acknowledged && !couldNotLook)
    .map(({ check, object, why }) => ({ value: `${check} ${object}`, words: `${check} ${object}: ${why}` }));
}

/** The orders about a wave that has not begun and waits for people: [{word, give}]. */
export function ofWave(ctx, migration, wave) {
  if (!wave.approval || wave.begun) return [];
  const facts = [['Wave', wave.name], ['Namespaces', wave.namespaces.join(', ')], ['Policy', wave.approval], ['Migration', migration.name]];
  return [
    {
      word: 'Approve', verb: 'approve', isMain: true,
      give: () => ask(ctx, migration, {
        verb: 'Approve the wave', title: `Approve wave ${wave.name}?`, facts, body: { verb: 'approve', subject: wave.name },
        effect: `Once ${wave.approval} has enough approvals and the former wave is far enough, its namespaces begin to move into the mesh.`,
      }),
    },
    {
      word: 'Reject', verb: 'reject', isDanger: true,
      give: () => ask(ctx, migration, {
        verb: 'Reject the wave', title: `Reject wave ${wave.name}?`, facts, isDanger: true, body: { verb: 'reject', subject: wave.name },
        effect: 'Its approvals are void, and the whole migration is paused until somebody resumes it.',
      }),
    },
  ];
}

/** The orders about the whole migration: [{word, give}]. */
export function ofMigration(ctx, migration) {
  const facts = [['Migration', migration.name], ['Done', `${migration.done} of ${migration.total} namespaces`]];
  const spent = [migration, ...migration.namespaces].some(({ holds }) => holds.some(({ code }) => code === 'FallbackBudgetSpent'));
  const all = [
    !migration.paused && {
      word: 'Pause', verb: 'pause', title: `Pause ${migration.name}?`,
      effect: 'No namespace goes forward until somebody resumes. What falls back still does, and nothing is undone.',
    },
    (migration.paused || spent) && {
      word: 'Resume', verb: 'resume', title: `Resume ${migration.name}?`, isMain: true,
      effect: 'Its namespaces go on where they stand, and fallbacks are counted from nothing again.',
    },
    {
      word: 'Abort', verb: 'abort', title: `Abort ${migration.name}?`, isDanger: true,
      effect: 'Every namespace that is being made STRICT is opened again at once, and nothing goes forward until somebody resumes.',
    },
  ];
  return all.filter(Boolean).map(({ word, verb, title, effect, isDanger, isMain }) => ({
    word, verb, isDanger, isMain,
    give: () => ask(ctx, migration, { verb: word, title, effect, facts, isDanger, body: { verb } }),
  }));
}

function ask(ctx, migration, wish) {
  return order(ctx, { ...wish, path: `${migrationPath(migration.name)}/commands` });
}
