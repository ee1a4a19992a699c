"""How good the choice of a search is, against the true accuracy of fine-tuned models.

Pure functions of numbers. *True* is what a model reaches when it really is fine-tuned on the
search's data; the search only guessed it from features. Models that a search cannot tell
apart are taken as chosen at random among themselves, so that no number depends on their names.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from reports import statistics

TOP = (1, 3, 5)
"""The k of top-k recall."""


def regret(tied: Collection[str], truth: Mapping[str, float]) -> float:
    """The accuracy that is lost by fine-tuning the chosen model instead of the best one.

    max(truth) − truth(chosen), the regret of Renggli et al., "Which Model to Transfer?
    Finding the Needle in the Growing Haystack" (CVPR 2022); its mean over the models that
    share the winner's place. 0.02 are two percentage points.

    Args:
        tied: the models that share the winner's place, at least one.
        truth: the true accuracy of every candidate.

    Raises:
        ValueError: no winner, or one whose truth is not known.
    """
    unknown = sorted(set(tied) - truth.keys())
    if not tied or unknown:
        raise ValueError(f"The winner's true accuracy is not known: {', '.join(unknown)}.")
    return max(truth.values()) - math.fsum(truth[model] for model in tied) / len(tied)


def kendall_tau(found: Mapping[str, float], truth: Mapping[str, float]) -> float | None:
    """Kendall's τ-b between two gradings of the same models: 1 the same order, −1 the reverse.

    Args:
        found: a grade for each model, larger is better.
        truth: another grade for each; models that only one grading has are left out.

    Returns:
        None where a grading has no two different grades: it orders nothing.
    """
    models = sorted(found.keys() & truth.keys())
    return statistics.kendall_tau([found[m] for m in models], [truth[m] for m in models])


def top_k_recall(found: Mapping[str, float], truth: Mapping[str, float], *, k: int) -> float | None:
    """The share of a search's first k models that are among the truly best k.

    Whoever is as good as the truly k-th best is among them. Where several models share the
    last of the search's k places, each holds it with equal probability: the expected share.

    Args:
        found: a grade for each model, larger is better.
        truth: another grade for each; models that only one grading has are left out.
        k: at least 1.

    Returns:
        None where there are not more than k models: any choice has all of them.
    """
    models = found.keys() & truth.keys()
    if len(models) <= k:
        return None
    least = sorted((truth[model] for model in models), reverse=True)[k - 1]
    boundary = sorted((found[model] for model in models), reverse=True)[k - 1]
    sure = [model for model in models if found[model] > boundary]
    perhaps = [model for model in models if found[model] == boundary]
    share = (k - len(sure)) / len(perhaps)
    hits = sum(truth[model] >= least for model in sure)
    return (hits + share * sum(truth[model] >= least for model in perhaps)) / k


def grades(keys: Mapping[str, tuple[float, ...]]) -> dict[str, float]:
    """A number for each model in the order of its key, equal for equal keys.

    Args:
        keys: such as (round of elimination, score in it); larger is better.
    """
    place = {key: float(at) for at, key in enumerate(sorted(set(keys.values())))}
    return {model: place[key] for model, key in keys.items()}


def pareto(points: Mapping[str, tuple[float, float]]) -> Sequence[str]:
    """The names of the points that no other beats in both numbers (smaller is better).

    In the order of the first number. Of equal points all are named.
    """
    best = [
        name
        for name, (x, y) in points.items()
        if not any((a <= x and b <= y) and (a < x or b < y) for a, b in points.values())
    ]
    return sorted(best, key=lambda name: points[name])


def standard_error(accuracy: float, items: int) -> float:
    """Of an accuracy over ``items`` items: √(p(1 − p)/n), the binomial deviation."""
    return math.sqrt(accuracy * (1 - accuracy) / items)
