"""How many requests come, and how many of them fail, by chance?

Draws with nothing but the standard library, in steps that grow with the logarithm of what is drawn. L. Devroye,
"Non-Uniform Random Variate Generation" (1986), X.3 and X.4: a Poisson process is cut at the time of one of its events, a
binomial at the median of its uniforms, until little is left.
"""

from math import exp, log, log1p
from random import Random

FEW = 12.0  # below so many expected events, counting them one by one is faster than to cut
RARE = 40.0  # the same for a binomial, where a cut halves the trials at best
MANY = 400.0  # with this variance a normal draw is as good, and several times faster
CROWD = 100.0  # the same for requests, which only are what failures are counted against


def poisson(chance: Random, mean: float) -> int:
    """How many events of a process that has `mean` on average; normal from CROWD on, exact below."""
    if mean >= CROWD:
        return max(0, round(chance.gauss(mean, mean**0.5)))
    found = 0
    while mean > FEW:
        number = int(mean * 0.875)
        at = chance.gammavariate(number, 1.0)  # when event `number` comes
        if at > mean:
            return found + binomial(chance, number - 1, mean / at)
        found, mean = found + number, mean - at
    limit, product = exp(-mean), chance.random()
    while product > limit:
        found, product = found + 1, product * chance.random()
    return found


def binomial(chance: Random, trials: int, probability: float, many: float = MANY) -> int:
    """How many of `trials` come true, each with `probability` (0.0-1.0); normal from a variance of `many` on, else exact."""
    mean = trials * probability
    if mean * (1.0 - probability) >= many:
        return min(trials, max(0, round(chance.gauss(mean, (mean * (1.0 - probability)) ** 0.5))))
    found = 0
    while trials > 0 and 0.0 < probability < 1.0:
        if trials * min(probability, 1.0 - probability) <= RARE:
            if probability > 0.5:
                return found + trials - _rare(chance, trials, 1.0 - probability)
            return found + _rare(chance, trials, probability)
        middle = (trials + 1) // 2
        cut = chance.betavariate(middle, trials + 1 - middle)  # the middle one of `trials` sorted uniforms
        if cut <= probability:
            found, trials, probability = found + middle, trials - middle, (probability - cut) / (1.0 - cut)
        else:
            trials, probability = middle - 1, probability / cut
    return found + (trials if probability >= 1.0 else 0)


def _rare(chance: Random, trials: int, probability: float) -> int:
    """As `binomial`, jumping from one that comes true to the next."""
    base, at, found = log1p(-probability), 0, 0
    while True:
        at += int(log(1.0 - chance.random()) / base) + 1
        if at > trials:
            return found
        found += 1
