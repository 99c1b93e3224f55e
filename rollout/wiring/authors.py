"""How is git wired to say whose change a revision is?"""

import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from adapters.clock import SystemClock
from adapters.git.allowed import Urls
from adapters.git.past import GitPast
from adapters.git.source import GitSpecSource
from adapters.kube.api import KubeApi
from adapters.kube.cache import Cache
from adapters.kube.secrets import KubeSourceSecrets
from adapters.kube.sources import KubeSources
from adapters.kube.specs import KubeSpecs
from adapters.kube.store import KubeRollouts
from rollout.model.names import Key
from rollout.services.change_authors import AuthorPorts, ProvenAuthors
from rollout.settings import Settings


def change_authors(
    settings: Settings, stack: AsyncExitStack, api: KubeApi, cache: Cache, answered: Callable[[Key], object]
) -> ProvenAuthors:
    """Who changed revisions, by the history of the cluster's GitSources; ended with `stack`.

    It has repositories of its own beside those that sync reads: to fetch a long history takes a minute, which no commit
    has to wait for, and what sync fetches alone would cut the history off again. answered: told of a Rollout whose answer
    came later than a tick waits.
    """
    place = settings.git_cache or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rollout-git-")))
    urls = Urls(file=settings.allow_file_urls, http=settings.allow_http_urls)
    git = GitSpecSource(place / "history", urls=urls)
    stack.push_async_callback(git.close)
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
