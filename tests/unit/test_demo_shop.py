"""Are the demo's specs what they seem?"""

import yaml

from rollout.cli.shop import FIRST_WEIGHT, SPEC, git_source
from rollout.manifest.lint import lint
from rollout.manifest.parse import parse_file
from rollout.model.rollout import RolloutSpec
from rollout.progression.aims import deciding

CONTENT = SPEC.format(revision="v2", first_weight=FIRST_WEIGHT).encode()


def test_a_controller_accepts_the_specs_of_the_demo() -> None:
    source = yaml.safe_dump(dict(git_source("file:///specs"))).encode()

    assert lint((("checkout.yaml", CONTENT), ("source.yaml", source)), namespace="shop") == []


def test_the_demo_is_judged_by_evidence_from_its_first_weight_on() -> None:
    (found,) = parse_file("checkout.yaml", CONTENT, namespace="shop").manifests

    assert isinstance(found.spec, RolloutSpec)
    assert [one.name for one in deciding(found.spec)] == ["errors"]
    assert found.spec.steps[0].weight == FIRST_WEIGHT
