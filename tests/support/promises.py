"""Which promises does every tick of a Rollout keep, whatever happened before it?"""

from datetime import datetime, timedelta
from math import ceil

from policies.verdict import Verdict
from rollout.model.actions import SetSplit
from rollout.model.commands import Verb
from rollout.model.decision import Decision
from rollout.model.deeds import Approval
from rollout.model.rollout import Step
from rollout.model.status import FIGHTS_COUNTED, Phase, RolloutStatus
from rollout.progression.judging import judge
from rollout.progression.transitions import TRANSITIONS, Trigger
from tests.support.builders import ERRORS
from tests.support.freezing import frozen_by, raises
from tests.support.pure_world import REVISIONS, PureWorld
from tests.support.spec_hooks import broken_gate, disobeyed

MINUTE = timedelta(minutes=1)


class Promises(PureWorld):
    """A world in which every tick is checked. raised: when a fought weight was raised last; forgets with `resume`."""

    raised: datetime | None = None

    def tick(self, *, saves: bool = True) -> Decision:
        """One tick that keeps all promises."""
        before, seen = self.status, self.look()
        canary_before = {name: self.share(name) for name in REVISIONS}
        decision = self.decided()
        after = decision.status
        self._answers_a_tool_at_most_once_a_minute(before, decision)
        self._moves_are_in_the_table(before, decision)
        self._raised_only_by_the_plan(before, decision)
        self._gates_hold(before, after)
        frozen = frozen_by(self.freezes, before, after, self.now)
        assert not frozen or not raises(before, after), f"raised in {frozen}"
        assert broken_gate(self, before, decision) == ""
        assert self._ordered(decision) or disobeyed(self, before, decision) == ""
        self._failed_is_not_tried_again(before, decision)
        self._clocks_stand_where_they_should(decision)
        verdicts = [judge(one, self.spec.analysis) for one in seen.measurements if one.question.objective == ERRORS]
        verdicts += [one for one in after.verdicts if one.at == self.now and one not in before.verdicts]
        if any(one.verdict is Verdict.FAIL for one in verdicts) and not self._ordered(decision):
            self._is_on_its_way_down(before, decision)
        told = super().tick(saves=saves)
        assert told == decision, "the same look was decided on in two ways"
        stable = after.stable.name if after.stable else ""
        for name in REVISIONS:
            if self.share(name) > canary_before[name] and name != stable:
                assert saves, f"{name} was raised although the status could not be saved"
                assert after.run is not None
                assert after.run.canary.name == name
                assert self.share(name) <= after.run.weight
                assert not frozen, f"{name} was raised in {frozen}"
        self._nothing_holds_a_lowering(decision)
        return decision

    def _answers_a_tool_at_most_once_a_minute(self, before: RolloutStatus, decision: Decision) -> None:
        """Counted by what it may write: raising in a fight, and bringing traffic back from what is gone."""
        old, new = before.rescue, decision.status.rescue
        assert old is None or new is None or old == new or new.at - old.at >= MINUTE
        if "resumed" in decision.trigger.lower() or self._ordered(decision):
            self.raised = None
        fought = any(len(fight.at) == FIGHTS_COUNTED for fight in decision.status.fights)
        raising = [action for action in decision.actions if isinstance(action, SetSplit) and not action.lowers]
        if not fought or not raising:
            return
        since = max(fight.at[-1] for fight in decision.status.fights if fight.at)
        assert self.now - since >= MINUTE, "raised within a minute of a reversal"
        assert self.raised is None or self.raised == self.now or self.now - self.raised >= MINUTE
        self.raised = self.now

    def _ordered(self, decision: Decision) -> bool:
        return len(decision.status.handled) > len(self.status.handled)

    def _moves_are_in_the_table(self, before: RolloutStatus, decision: Decision) -> None:
        phase = before.phase
        for trigger in filter(None, decision.trigger.split(",")):
            assert Trigger(trigger) in TRANSITIONS[phase], f"{trigger} in {phase}"
            phase = TRANSITIONS[phase][Trigger(trigger)]
        assert phase is decision.status.phase
        assert (decision.status.run is None) == (phase in (Phase.IDLE, Phase.FAILED))

    def _raised_only_by_the_plan(self, before: RolloutStatus, decision: Decision) -> None:
        old, new = before.run, decision.status.run
        if new is None or new.weight <= (old.weight if old and before.runs == decision.status.runs else 0):
            return
        assert old is not None
        assert not self.spec.suspend
        if Trigger.STEP_PASSED in decision.trigger or Trigger.RESUMED in decision.trigger:
            assert new.weight <= new.plan[new.step - 1].weight
        else:
            assert Trigger.STEPS_DONE in decision.trigger
            assert new.weight == 100
        stable = self.services[before.stable.name].ready if before.stable else 0
        needed = max(1, ceil(max(stable, new.stable_ready) * new.weight * self.spec.capacity / 10_000))
        assert self.services[new.canary.name].ready >= needed, "weight before capacity"
        if old.step == 0 and not new.straight:
            others = {name for name in REVISIONS if before.stable and name not in (before.stable.name, new.canary.name)}
            assert all(self.share(name) == 0 for name in others), "a superseded canary still has its share"

    def _gates_hold(self, before: RolloutStatus, after: RolloutStatus) -> None:
        old, new = before.run, after.run
        if old is None or new is None or before.runs != after.runs:
            return
        for approval in set(new.approvals) - set(old.approvals):
            now = (before.runs, old.step, old.canary.name)
            assert approval.step == old.step
            assert any(
                command.verb is Verb.APPROVE and (command.run, command.step, command.revision) == now
                for command in self.commands
            ), "opened by an approval of something else"
        present = {old.step: old.plan[old.step - 1]} if 0 < old.step < min(new.step, len(old.plan) + 1) else {}
        jumped = {number: step for number, step in enumerate(new.plan, 1) if old.step < number < new.step}
        shut = [number for number, step in (present | jumped).items() if not self._is_open(new.approvals, number, step)]
        assert shut == [], "went past a gate"

    def _is_open(self, approvals: tuple[Approval, ...], number: int, step: Step) -> bool:
        """Whether enough people, each counted once, have approved the step lately for each of its policies."""
        for policy in map(self.policy, step.approvals):
            if policy is None:
                return False
            lasts = policy.quorum.expires_after
            fresh = [one for one in approvals if one.step == number and (lasts is None or self.now - one.at < lasts)]
            if len({one.by for one in fresh}) < policy.quorum.minimum:
                return False
        return True

    def _failed_is_not_tried_again(self, before: RolloutStatus, decision: Decision) -> None:
        failed, run = before.failed, decision.status.run
        if failed is None or run is None or decision.status.runs == before.runs:
            return
        same = (run.canary.name, run.canary.template) == (failed.name, failed.template)
        reverted = decision.trigger == Trigger.REVERTED
        assert not same or reverted or Trigger.RETRIED in decision.trigger, f"tried again by {decision.trigger}"

    def _clocks_stand_where_they_should(self, decision: Decision) -> None:
        run, at = decision.status.run, decision.wake_at
        assert at is None or at >= self.now
        if run is None:
            return
        if decision.status.phase is Phase.PAUSED or (self.spec.suspend and not decision.trigger):
            assert run.unavailable.since is None
            assert run.verdict_missing.since is None
        codes = {reason.code for reason in decision.status.reasons}
        assert run.gate_since is None or decision.status.phase is Phase.PROGRESSING
        if "AwaitingApproval" in codes and not decision.trigger and not self._ordered(decision):
            assert run.verdict_missing.since is None
        clocks = [run.dark_since, run.unavailable.since]
        if any(clocks) and decision.status.phase in (Phase.PROGRESSING, Phase.PROMOTING) and decision.status.stable:
            assert at is not None

    def _is_on_its_way_down(self, before: RolloutStatus, decision: Decision) -> None:
        if before.run is None or before.run.straight:
            return
        run = decision.status.run
        assert run is None or run.weight == 0 or run.straight, f"FAIL and {decision.trigger}"

    def _nothing_holds_a_lowering(self, decision: Decision) -> None:
        status = decision.status
        if status.stable is None or self.services[status.stable.name].ready == 0:
            return
        canary = status.run.canary.name if status.run else ""
        codes = {reason.code for reason in status.reasons}
        for name in REVISIONS:
            if name == status.stable.name or codes & {"HandEdit", "UnknownBackend"}:
                continue
            if "RouteNamesGone" in codes and self.services[name].ready == 0:
                continue  # brought back, but not twice a minute
            wanted = status.run.weight if status.run and name == canary else 0
            known = {item.revision.name for item in status.retiring}
            known |= {item.name for item in (status.failed, status.former) if item} | {canary}
            assert name not in known or self.share(name) <= wanted, f"{name} has more than {wanted} %: {codes}"
