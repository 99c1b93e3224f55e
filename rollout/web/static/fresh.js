// What of a page is made anew when something was read? Only what says something else than before.

import { put } from './dom.js';

/** Fill a node by make() when `what` is not what it was filled for; what did not change keeps its nodes and its focus. */
export function fresh(node, what, make) {
  const words = JSON.stringify(what);
  if (node.shown === words) return node;
  node.shown = words;
  return put(node, ...[make()].flat());
}
