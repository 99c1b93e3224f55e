"""How are people written: who may approve or override, and which identities are one person?"""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from policies.approval import Approvers, Person
from rollout.manifest.data import Path
from rollout.manifest.errors import Problem
from rollout.manifest.fields import Form, LabelName, LabelText, Name, ObjectName, Text, rules

MOST = 100
User = Annotated[str, Text("the name of a user or group", r"^\S(.*\S)?$", 253)]
Email = Annotated[
    str, Text("an e-mail address in lower case, such as ana@shop.example", r"^[^@\sA-Z]+@[^@\sA-Z]+\.[^@\sA-Z]+$", 253)
]
SlackUser = Annotated[
    str, Text("a Slack user as TEAM/USER, such as T024BE7LD/U024BE7LH", r"^[TE][A-Z0-9]+/[UW][A-Z0-9]+$", 63)
]
SlackGroup = Annotated[
    str, Text("a Slack user group as TEAM/GROUP, such as T024BE7LD/S0604QSJC", r"^[TE][A-Z0-9]+/S[A-Z0-9]+$", 63)
]
Labels = Annotated[dict[LabelName, LabelText], Field(max_length=20)]
_ANY = "has(self.users) || has(self.groups) || has(self.oidcGroups) || has(self.slackUsers) || has(self.slackGroups)"


def many(description: str) -> list[str] | None:
    """A list of at most MOST entries, absent where nobody is meant."""
    absent: list[str] | None = Field(default=None, min_length=1, max_length=MOST, description=description)
    return absent


class ApproversForm(Form):
    """Who may; one match is enough."""

    model_config = rules((f"{_ANY} || has(self.emails) || has(self.callbacks)", "at least one list of people"))

    users: list[User] | None = many("Users of the cluster.")
    groups: list[User] | None = many("Groups of the cluster.")
    oidc_groups: list[User] | None = many("Groups that an OIDC token names.")
    slack_users: list[SlackUser] | None = many("Slack users, each as TEAM/USER.")
    slack_groups: list[SlackGroup] | None = many("Slack user groups, each as TEAM/GROUP.")
    emails: list[Email] | None = many("Proven e-mail addresses, whatever the channel.")
    callbacks: list[ObjectName] | None = many("Receivers of callbacks: machines, no people.")


class PersonForm(Form):
    """Identities that are one person."""

    name: Name = Field(description="What the person is called here.")
    users: list[User] | None = many("Users of the cluster.")
    emails: list[Email] | None = many("E-mail addresses.")
    slack_users: list[SlackUser] | None = many("Slack users, each as TEAM/USER.")


People = Annotated[list[PersonForm], Field(max_length=MOST)]


def approvers_problems(form: ApproversForm, path: Path) -> Iterator[Problem]:
    """An empty one would let nobody do it, and look as if it let everybody."""
    if approvers(form) == Approvers():
        yield Problem(
            path=path,
            message="names nobody; list users, groups, oidcGroups, slackUsers, slackGroups, emails or callbacks",
        )


def people_problems(form: list[PersonForm] | None, path: Path) -> Iterator[Problem]:
    """Whoever is two people counts twice."""
    first: dict[str, str] = {}
    for index, person in enumerate(form or ()):
        for one in (*(person.users or ()), *(person.emails or ()), *(person.slack_users or ())):
            if first.setdefault(one, person.name) != person.name:
                message = f"{one} is {first[one]} already; one identity is one person"
                yield Problem(path=(*path, index), message=message)


def approvers(form: ApproversForm) -> Approvers:
    """Who a form means; e-mail addresses in lower case."""
    return Approvers(
        users=tuple(form.users or ()),
        groups=tuple(form.groups or ()),
        oidc_groups=tuple(form.oidc_groups or ()),
        slack_users=tuple(form.slack_users or ()),
        slack_groups=tuple(form.slack_groups or ()),
        emails=tuple(form.emails or ()),
        callbacks=tuple(form.callbacks or ()),
    )


def people(form: list[PersonForm] | None) -> tuple[Person, ...]:
    """The people that a form means."""
    return tuple(
        Person(
            name=one.name,
            users=tuple(one.users or ()),
            emails=tuple(one.emails or ()),
            slack_users=tuple(one.slack_users or ()),
        )
        for one in form or ()
    )


def labels(form: dict[str, str] | None) -> tuple[tuple[str, str], ...]:
    """Labels as pairs, sorted."""
    return tuple(sorted((form or {}).items()))
