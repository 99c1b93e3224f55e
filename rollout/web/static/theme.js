// Light or dark? Runs before anything is painted, so that a page never flashes in the other one.
'use strict';
try {
  const chosen = localStorage.getItem('rollout-theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
} catch {
  // a browser that keeps nothing shows what its system prefers
}
