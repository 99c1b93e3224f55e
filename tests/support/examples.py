"""How many generated examples does a property test look at?"""

from hypothesis import settings

USUAL = 100  # Hypothesis' own number


def examples(most: int, steps: int = 50) -> settings:
    """`most` examples in `make test`, in proportion fewer in the inner loop; steps: of a state machine, at most."""
    return settings(max_examples=part(most), stateful_step_count=steps, deadline=None)


def part(most: int) -> int:
    """`most` in `make test`, in proportion fewer in the inner loop, at least 1."""
    return max(1, round(most * settings.default.max_examples / USUAL)) if settings.default else most
