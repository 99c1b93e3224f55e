"""How is git wired: what reads its repositories, and what brings their specs into the cluster?"""

import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from adapters.clock import SystemClock
from adapters.git.allowed import Urls
from adapters.git.source import GitSpecSource
from adapters.kube.api import KubeApi
from adapters.kube.cache import Cache
from adapters.kube.commands import KubeCommands
from adapters.kube.secrets import KubeSourceSecrets
from adapters.kube.sources import KubeSources
from adapters.kube.specs import KubeSpecs
from rollout.controller.kept import KeptSources
from rollout.ports.notices import Notices
from rollout.services.sync import Sync, SyncPorts
from rollout.settings import Settings


def kept_sources(
    settings: Settings, stack: AsyncExitStack, api: KubeApi, cache: Cache, notices: Notices
) -> KeptSources:
    """The cluster's GitSources; ended with `stack`."""
    clock, sources = SystemClock(), KubeSources(api, cache)
    ports = SyncPorts(
        sources=sources,
        secrets=KubeSourceSecrets(api, cache),
        commands=KubeCommands(api, cache, clock, "GitSource"),
        specs=KubeSpecs(api, cache),
        git=repositories(settings, stack),
    )
    sync = Sync(ports, settings.own_namespace)
    return KeptSources(sources=sources, sync=sync, notices=notices, clock=clock)


def repositories(settings: Settings, stack: AsyncExitStack, folder: str = "") -> GitSpecSource:
    """What reads repositories; ended with `stack`. folder: of the git cache, for copies that nobody else has."""
    place = settings.git_cache or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rollout-git-")))
    read = GitSpecSource(place / folder, urls=allowed_urls(settings))
    stack.push_async_callback(read.close)
    return read


def allowed_urls(settings: Settings) -> Urls:
    """Which URLs a GitSource may have."""
    return Urls(file=settings.allow_file_urls, http=settings.allow_http_urls)
