"""What may the API server refuse by itself between the fields of a Rollout's spec?

CEL rules, each with its message. `cross.py` says the same offline with the place of the fault and more words; what needs
the object's namespace is left to it, because CEL cannot see that.
"""

from rollout.manifest.fields import LABEL, LABEL_VALUE, MAX_LABEL, MAX_NAME, MOST_STEPS, SERVICE, SUBDOMAIN

Law = tuple[str, str]


def _named(field: str, pattern: str, most: int, what: str) -> Law:
    """`field` makes a name that is taken once {revision} is filled in; silent where other placeholders are in it."""
    name = f"{field}.replace('{{revision}}', self.revision)"
    holds = f"{field}.matches(r'\\{{(namespace|name)\\}}') || (size({name}) <= {most} && {name}.matches(r'{pattern}'))"
    owner = field.removeprefix("self.").split(".")
    there = [f"has(self.{'.'.join(owner[: end + 1])})" for end in range(len(owner))]
    return f"!({' && '.join(there)}) || {holds}", f"{what} would have a name that the API server does not take"


PLAN_AND_JUDGES: tuple[Law, ...] = (
    ("has(self.steps) != has(self.auto)", "exactly one of steps and auto"),
    (
        (
            "!has(self.steps) || self.steps.map(step, !has(step.ramp) ? 1 :"
            " (step.ramp.to - step.ramp.from + step.ramp.by - 1) / step.ramp.by + 1)"
            f".sum() <= {MOST_STEPS}"
        ),
        f"at most {MOST_STEPS} steps with ramps written out",
    ),
    (
        "has(self.workload) || !has(self.steps) || !self.steps.exists(step, has(step.approval) || has(step.approvals))",
        "a step with approval needs workload: an approval is for one pod template",
    ),
    (
        "has(self.objectives) || has(self.policies) && size(self.policies) > 0",
        "objectives or policies; `objectives: []` promotes without judging",
    ),
    (
        (
            "!has(self.objectives) || size(self.objectives) == 0 || has(self.policies) && size(self.policies) > 0"
            " || self.objectives.exists(one, one.mode == 'decide')"
        ),
        "at least one objective decides, or `objectives: []`",
    ),
    (
        (
            "!has(self.auto) || has(self.policies) && size(self.policies) > 0"
            " || has(self.objectives) && self.objectives.exists(one, one.mode == 'decide' && one.kind != 'query'"
            " && (!has(one.method) || one.method == 'sequential'))"
        ),
        "auto needs an error-ratio or slow-ratio that decides by method sequential",
    ),
    (
        "!has(self.objectives) || self.objectives.all(one, self.objectives.exists_one(other, other.name == one.name))",
        "each objective has a name of its own",
    ),
    (
        "!has(self.policies) || self.policies.all(one, self.policies.exists_one(other, other == one))",
        "each policy is named once",
    ),
)
ROUTES_AND_BACKEND: tuple[Law, ...] = (
    (
        "self.routes.all(one, self.routes.exists_one(other, other.kind == one.kind && other.name == one.name))",
        "a route object is named once; join its `only`",
    ),
    (
        "!has(self.backend.subset) || self.routes.all(route, route.kind == 'VirtualService')",
        "only a VirtualService can name subsets",
    ),
)
REVISION_NAMES: tuple[Law, ...] = (
    _named("self.backend.service", SERVICE, MAX_LABEL, "the Service of this revision"),
    _named("self.backend.subset.host", SERVICE, MAX_LABEL, "the host"),
    _named("self.backend.subset.name", LABEL, MAX_LABEL, "the subset of this revision"),
    _named("self.workload.name", SUBDOMAIN, MAX_NAME, "the workload of this revision"),
    _named("self.stable.service", SERVICE, MAX_LABEL, "the stable Service"),
    (
        "self.routes.all(one, one.name.contains('{') || one.name.matches(r'" + SUBDOMAIN + "'))",
        "a route has a name that the API server does not take",
    ),
    (
        (
            "!has(self.backend.subset) || self.backend.subset.labels.all(one,"
            " self.backend.subset.labels[one] == ''"
            r" || self.backend.subset.labels[one].matches(r'\{(namespace|name)\}')"
            f" || size(self.backend.subset.labels[one].replace('{{revision}}', self.revision)) <= {MAX_LABEL}"
            " && self.backend.subset.labels[one].replace('{revision}', self.revision)"
            f".matches(r'{LABEL_VALUE}'))"
        ),
        "a label of this revision's subset would have a value that the API server does not take",
    ),
)
