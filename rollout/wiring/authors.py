"""How is git wired to say whose change a revision is?"""

from collections.abc import Callable
from contextlib import AsyncExitStack

from adapters.clock import SystemClock
from adapters.git.past import GitPast
from adapters.kube.api import KubeApi
from adapters.kube.cache import Cache
from adapters.kube.secrets import KubeSourceSecrets
from adapters.kube.sources import KubeSources
from adapters.kube.specs import KubeSpecs
from adapters.kube.store import KubeRollouts
from rollout.model.names import Key
from rollout.services.change_authors import AuthorPorts, ProvenAuthors
from rollout.settings import Settings
from rollout.wiring.repositories import repositories


def change_authors(
    settings: Settings, stack: AsyncExitStack, api: KubeApi, cache: Cache, answered: Callable[[Key], object]
) -> ProvenAuthors:
    """Who changed revisions, by the history of the cluster's GitSources; ended with `stack`.

    It has repositories of its own beside those that sync reads: to fetch a long history takes a minute, which no commit
    has to wait for, and what sync fetches alone would cut the history off again. answered: told of a Rollout whose answer
    came later than a tick waits.
    """
    git = repositories(settings, stack, "history")
    ports = AuthorPorts(
        rollouts=KubeRollouts(api, cache),
        specs=KubeSpecs(api, cache),
        sources=KubeSources(api, cache),
        secrets=KubeSourceSecrets(api, cache),
        git=git,
        past=GitPast(git),
    )
    authors = ProvenAuthors(ports, settings.own_namespace, SystemClock(), answered)
    stack.push_async_callback(authors.close)
    return authors
