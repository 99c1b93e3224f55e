"""How many generated examples does a property test look at?"""

from hypothesis import settings

USUAL = 100  # Hypothesis' own number


def examples(most: int, steps: int = 50) -> settings:
    """`most` examples in `make test`, in proportion fewer in the inner loop; steps: of a state machine, at most."""
    part = settings.default.max_examples / USUAL if settings.default else 1
    return settings(max_examples=max(1, round(most * part)), stateful_step_count=steps, deadline=None)
