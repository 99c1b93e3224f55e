// How does one Rollout stand?

import { rolloutPath } from './api.js';
import { h, put } from './dom.js';
import { phaseBadge, stepWords, weightBar } from './marks.js';
import { kept } from './reading.js';
import { loading, refused } from './states.js';

/** Show a Rollout; answers how to leave it. */
export async function show(root, { namespace, name }, ctx) {
  put(root, loading(`${namespace}/${name}`));
  const reading = kept(ctx.api, async (signal) => {
    const { summary } = await ctx.api.get(rolloutPath(namespace, name), { signal });
    put(root, h('h1', {}, `${namespace}/${name}`), h('p', {}, phaseBadge(summary.phase), ' step ', stepWords(summary)),
      h('p', {}, weightBar(summary.weight)), h('ul', {}, ...summary.holds.map((hold) => h('li', {}, hold.message))));
  }, (error) => put(root, refused(error)));
  const ends = [
    ctx.live.on('rollout', (changed) => changed.namespace === namespace && changed.name === name && reading.again()),
    ctx.live.on('reset', () => reading.again()),
  ];
  reading.again();
  return () => {
    ends.forEach((end) => end());
    reading.stop();
  };
}
