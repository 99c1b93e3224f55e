"""Which user of the cluster is whoever an issuer tells of, and does kube-apiserver say the same?"""

from typing import Any

import pytest

from policies.people import person
from rollout.web.claimed import Naming, UnnamedError
from tests.support.receivers import on_slack

ISSUER = "https://id.shop.example"
CLAIMS: dict[str, Any] = {
    "sub": "7f3",
    "name": "Ana",
    "email": "Ana@shop.example",
    "email_verified": True,
    "groups": ["release-managers", "devs", "devs"],
    "role": "admin",
}


@pytest.mark.parametrize(
    ("naming", "user", "groups"),
    [
        ({}, f"{ISSUER}#7f3", []),
        ({"username_prefix": "-"}, "7f3", []),
        ({"username_prefix": "id:"}, "id:7f3", []),
        ({"username_claim": "email"}, "Ana@shop.example", []),
        ({"username_claim": "email", "username_prefix": "id:"}, "id:Ana@shop.example", []),
        ({"username_claim": "name"}, f"{ISSUER}#Ana", []),
        ({"groups_claim": "groups"}, f"{ISSUER}#7f3", ["devs", "release-managers"]),
        ({"groups_claim": "groups", "groups_prefix": "id:"}, f"{ISSUER}#7f3", ["id:devs", "id:release-managers"]),
        ({"groups_claim": "role"}, f"{ISSUER}#7f3", ["admin"]),
        ({"groups_claim": "none"}, f"{ISSUER}#7f3", []),
    ],
)
def test_names_are_those_that_the_api_server_gives(naming: dict[str, str], user: str, groups: list[str]) -> None:
    found = Naming(issuer=ISSUER, **naming).identity(CLAIMS)

    assert (found.user, list(found.groups)) == (user, [*groups, "system:authenticated"])


@pytest.mark.parametrize(
    ("naming", "claims"),
    [
        ({"username_claim": "email"}, {"email_verified": False}),
        ({"username_claim": "email"}, {"email_verified": "true"}),
        ({"username_claim": "email"}, {"email_verified": None}),
        ({"username_claim": "email"}, {"email": 7}),
        ({"username_claim": "nothing"}, {}),
        ({"username_claim": "name"}, {"name": ["Ana"]}),
        ({"username_claim": "name"}, {"name": ""}),
        ({"username_claim": "name", "username_prefix": "-"}, {"name": "system:admin"}),
        ({"username_claim": "name", "username_prefix": "system:"}, {"name": "admin"}),
        ({"username_claim": "name"}, {"name": "a\nb"}),
        ({"username_claim": "name"}, {"name": "x" * 513}),
    ],
)
def test_who_cannot_be_named_for_sure_is_nobody(naming: dict[str, str], claims: dict[str, Any]) -> None:
    with pytest.raises(UnnamedError):
        Naming(issuer=ISSUER, **naming).identity(CLAIMS | claims)


def test_no_issuer_puts_anybody_into_a_group_of_the_clusters_own() -> None:
    groups = ["system:masters", "devs", "", 7, "a\nb", "x" * 600]

    found = Naming(issuer=ISSUER, groups_claim="groups").identity(CLAIMS | {"groups": groups})

    assert found.groups == ("devs", "system:authenticated")


def test_a_prefix_cannot_make_a_group_of_the_clusters_own_either() -> None:
    naming = Naming(issuer=ISSUER, groups_claim="groups", groups_prefix="system:")

    assert naming.identity(CLAIMS | {"groups": ["masters"]}).groups == ("system:authenticated",)


def test_a_verified_address_makes_one_person_of_dashboard_and_slack() -> None:
    found = Naming(issuer=ISSUER).identity(CLAIMS)

    assert person((), found) == person((), on_slack(email="ana@shop.example"))


@pytest.mark.parametrize("verified", [False, None, "true", 1])
def test_an_address_that_was_not_verified_makes_one_person_of_nobody(verified: object) -> None:
    found = Naming(issuer=ISSUER).identity(CLAIMS | {"email_verified": verified})

    assert found.email == ""
