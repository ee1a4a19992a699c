"""Whether the parts of a scenario fit one another: zips, scales and exclusions."""

from __future__ import annotations

from scenarios.errors import Problems, did_you_mean
from scenarios.parameters import PARAMETERS
from scenarios.scenario import Axes, Exclusion, Scenario


def check_consistency(scenario: Scenario, problems: Problems) -> None:
    """Add to ``problems`` what does not fit, at any scale.

    The single values are taken to be right: on damaged parts this would mislead.
    """
    for part in scenario.zips:
        _check_rows(part, problems, min(scenario.lines[axis, row[0]] for axis, row in part.items()))
    for name, scale in scenario.scales.items():
        scaled = scenario.at_scale(name)
        for axis in scale.axes.keys() & scaled.matrix.keys():
            _check_rows({axis: scaled.matrix[axis]}, problems, scale.line)
        for part in scaled.zips:
            _check_rows(part, problems, scale.line)
    versions = [scenario, *(scenario.at_scale(name) for name in scenario.scales)]
    for exclusion in scenario.exclusions:
        _check_exclusion(exclusion, versions, problems)


def _check_rows(part: Axes, problems: Problems, line: int | None) -> None:
    """Axes that are walked side by side: of one length, and no row twice."""
    if len({len(values) for values in part.values()}) > 1:
        lengths = ", ".join(f"{name} has {len(values)}" for name, values in part.items())
        problems.add(line, f"Zipped axes must have the same length, but {lengths} values.")
    rows = list(zip(*part.values(), strict=False))
    if len(set(rows)) < len(rows):
        problems.add(line, f"The values of {' and '.join(part)} repeat: each run is to differ.")


def _check_exclusion(exclusion: Exclusion, versions: list[Scenario], problems: Problems) -> None:
    """An excluded value that no axis has, at no scale, is a mistake; so it would go unseen."""
    for name, values in exclusion.values.items():
        parameter = PARAMETERS[name]
        known = {value for version in versions for value in version.axes.get(name, ())}
        known |= {version.fixed[name] for version in versions if name in version.fixed}
        texts = [parameter.text(value) for value in known]
        for value in values:
            if known and value not in known:
                text = parameter.text(value)
                problems.add(
                    exclusion.line,
                    f"The exclusion matches nothing: '{name}' is never '{text}'. "
                    f"{did_you_mean(text, texts)}",
                )
