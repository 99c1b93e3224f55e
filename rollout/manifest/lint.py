"""What is wrong in these files, all of it, without a cluster?"""

from collections.abc import Iterable

from rollout.manifest.errors import SpecError, SpecErrors
from rollout.manifest.parse import Manifest, clashes, parse_file
from rollout.manifest.slopolicy import SloPolicy, with_policies
from rollout.model.rollout import RolloutSpec


def lint(files: Iterable[tuple[str, bytes]], *, namespace: str = "default") -> list[SpecError]:
    """Every error in files given as path and content, by file and line; [] when all is well.

    Objects in two files under one name are an error, and so is a policy of these files that does not fit a Rollout
    that names it; a policy that is in none of them may be in the cluster and is not missed.
    """
    manifests: list[Manifest] = []
    errors: list[SpecError] = []
    for path, content in files:
        try:
            manifests.extend(parse_file(path, content, namespace=namespace).manifests)
        except SpecErrors as error:
            errors.extend(error.errors)
    errors.extend(clashes(manifests))
    errors.extend(_misfits(manifests))
    return sorted(errors, key=lambda error: (error.file, error.line, error.column))


def _misfits(manifests: list[Manifest]) -> Iterable[SpecError]:
    policies = [manifest.spec for manifest in manifests if isinstance(manifest.spec, SloPolicy)]
    for manifest in manifests:
        spec = manifest.spec
        if not isinstance(spec, RolloutSpec):
            continue
        near = {policy.key.name: policy for policy in policies if policy.key.namespace == spec.key.namespace}
        if all(name in near for name in spec.policies):
            merged = with_policies(spec, near)
            if isinstance(merged, SpecError):
                yield SpecError(
                    merged.message, about=merged.about, path=merged.path, file=manifest.file, line=manifest.line
                )
