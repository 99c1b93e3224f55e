"""How are outward webhooks wired?"""

import random
from contextlib import AsyncExitStack
from dataclasses import replace

from adapters.clock import SystemClock
from adapters.hooks.http import HttpHooks
from adapters.kube.api import KubeApi
from adapters.kube.cache import Cache
from adapters.kube.hook_secrets import KubeHookSecrets
from rollout.services.hook_memory import HookMemory
from rollout.services.hook_news import HookNews
from rollout.services.reconcile import Reconciler


def with_hooks(reconciler: Reconciler, stack: AsyncExitStack, api: KubeApi, cache: Cache) -> Reconciler:
    """The same reconciler, which now asks the webhooks of Rollouts and tells them its news; ended with `stack`."""
    clock = SystemClock()
    calls = HttpHooks(clock, KubeHookSecrets(api, cache).signing, jitter=random.random)
    stack.push_async_callback(calls.close)
    memory = HookMemory(calls)
    stack.push_async_callback(memory.close)
    news = HookNews(reconciler.notices, reconciler.rollouts, calls, clock)
    stack.push_async_callback(news.close)
    reconciler.observer.hooks = memory
    return replace(reconciler, notices=news)
