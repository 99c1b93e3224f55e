"""What of a MeshMigration is news, compared with what was told of it last?"""

from dataclasses import replace
from datetime import timedelta

from rollout.migration.news import Mark, mark_from, news, unmarked
from rollout.model.migration import MigrationStatus, NamespaceStatus, Stage
from rollout.model.news import News
from rollout.model.notifier import Severity
from rollout.model.status import Condition, Reason
from tests.support.builders import NOON

BACK = Reason(code="FallenBack", message="takes plaintext again: success fell by 2%", warning=True)
NOTHING = Mark()
WAITS = Reason(code="Unacknowledged", message="2 warnings wait for somebody")


def a_namespace(stage: Stage, *reasons: Reason, name: str = "shop", fallbacks: int = 0) -> NamespaceStatus:
    return NamespaceStatus(name=name, stage=stage, since=NOON, reasons=reasons, fallbacks=fallbacks)


def of(*namespaces: NamespaceStatus) -> MigrationStatus:
    return MigrationStatus(namespaces=namespaces)


def told(status: MigrationStatus, mark: Mark = NOTHING) -> Mark:
    found = news(mark, status)
    after = mark_from(found[-1].mark) if found else mark
    assert after is not None
    return after


def said(found: tuple[News, ...]) -> list[tuple[str, bool]]:
    return [(one.code, one.needs_person) for one in found]


def test_how_far_a_namespace_is_is_told_at_three_stages_only() -> None:
    mark, codes = Mark(), []
    for stage in list(Stage)[: list(Stage).index(Stage.DONE) + 1]:
        status = of(a_namespace(stage))
        codes += [one.code for one in news(mark, status)]
        mark = told(status, mark)

    assert codes == ["NamespaceInMesh", "NamespaceStrict", "NamespaceDone"]


def test_what_waits_for_a_person_is_told_and_what_the_controller_waits_for_is_not() -> None:
    status = of(a_namespace(Stage.PREFLIGHT, WAITS, Reason(code="NotChecked", message="looking")))

    assert said(news(Mark(), status)) == [("Unacknowledged", True)]
    assert news(told(status), status) == ()


def test_a_wait_that_is_over_is_told() -> None:
    mark = told(of(a_namespace(Stage.PREFLIGHT, WAITS)))

    assert said(news(mark, of(a_namespace(Stage.BASELINE)))) == [("WaitOver", False)]


def test_each_fallback_is_news_of_its_own() -> None:
    mark = told(of(a_namespace(Stage.FALLEN_BACK, BACK, fallbacks=1)))

    found = news(mark, of(a_namespace(Stage.FALLEN_BACK, BACK, fallbacks=2)))

    assert said(found)[-1] == ("FallenBack", True)
    assert found[-1].severity is Severity.WARNING
    assert found[-1].sentence == f"shop: {BACK.message}"


def test_the_fleet_is_told_before_its_namespaces() -> None:
    status = replace(of(a_namespace(Stage.DONE)), reasons=(Reason(code="Paused", message="ana: holiday"),))

    assert [one.code for one in news(Mark(), status)] == ["Paused", "NamespaceDone"]


def test_that_all_is_done_is_told_once() -> None:
    ready = Condition(type="Ready", status="True", reason="Done", message="all 1 namespaces", since=NOON)
    status = replace(of(a_namespace(Stage.DONE)), conditions=(ready,))

    assert [one.code for one in news(Mark(), status)] == ["NamespaceDone", "AllDone"]
    assert news(told(status), status) == ()


def test_what_came_about_before_there_was_a_notifier_is_not_told_but_what_waits_is() -> None:
    status = of(a_namespace(Stage.STRICT), a_namespace(Stage.BLOCKED, WAITS, name="pay"))

    assert said(news(unmarked(status, NOON), status)) == [("Unacknowledged", True)]
    assert len(news(unmarked(status, NOON - timedelta(seconds=1)), status)) == 2


def test_the_mark_is_read_as_it_was_written() -> None:
    mark = told(of(a_namespace(Stage.BLOCKED, WAITS, BACK)))

    assert mark_from(str(mark)) == mark
    assert mark_from("m0 -") == Mark()
    assert mark_from("of another version") is None
