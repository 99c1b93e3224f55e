// How far are the mesh migrations?

import { h, put } from './dom.js';
import { kept } from './reading.js';
import { loading, refused } from './states.js';

/** Show all migrations, or the one that is named; answers how to leave them. */
export async function show(root, { name }, ctx) {
  put(root, loading('mesh migrations'));
  const reading = kept(ctx.api, async (signal) => {
    const { items } = await ctx.api.get('/api/v1/meshmigrations', { signal });
    put(root, h('h1', {}, name ?? 'Mesh migrations'), h('ul', {}, ...items.map((one) => h('li', {}, one.name))));
  }, (error) => put(root, refused(error)));
  const ends = [ctx.live.on('meshmigration', () => reading.again()), ctx.live.on('reset', () => reading.again())];
  reading.again();
  return () => {
    ends.forEach((end) => end());
    reading.stop();
  };
}
