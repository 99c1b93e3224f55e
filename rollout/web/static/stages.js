// How far along the way into the mesh is a stage, and how is that told?

/** The steps of the way, and the stages that each consists of. */
export const STEPS = [
  { id: 'prepare', word: 'Prepare', stages: ['Pending', 'Preflight', 'Baseline'] },
  { id: 'enrol', word: 'Enrol', stages: ['Enrolling', 'Permissive'] },
  { id: 'observe', word: 'Observe', stages: ['Observing', 'Rehearsal'] },
  { id: 'strict', word: 'Strict', stages: ['StrictCanary', 'Strict', 'StrictSoak'] },
  { id: 'authorize', word: 'Authorize', stages: ['AuthzDryRun', 'AuthzEnforced'] },
  { id: 'done', word: 'Done', stages: ['Done'] },
];
// Stages aside: the step whose guarantees the namespace still has, as in rollout/migration/stages.py.
const ASIDE = {
  Blocked: { step: 'prepare', tone: 'bad' },
  Excepted: { step: 'prepare', tone: 'none' },
  FallingBack: { step: 'enrol', tone: 'bad' },
  FallenBack: { step: 'enrol', tone: 'bad' },
  RollingBack: { step: 'prepare', tone: 'bad' },
  RolledBack: { step: 'prepare', tone: 'bad' },
};

/** The steps of a migration with this target. */
export function stepsOf(target) {
  return STEPS.filter(({ id }) => id !== 'authorize' || target === 'authorized');
}

/** Which of these steps a stage is in, its words, and its tone: what is aside is never mistaken for progress. */
export function placed(stage, steps) {
  const aside = ASIDE[stage];
  const at = steps.findIndex(({ id, stages }) => (aside ? id === aside.step : stages.includes(stage)));
  const tone = aside ? aside.tone : stage === 'Done' ? 'good' : stage === 'Pending' ? 'none' : 'busy';
  return { at, tone, isAside: Boolean(aside), words: words(stage) };
}

/** A stage as people read it: StrictCanary is "Strict canary". */
export function words(stage) {
  return stage.replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
