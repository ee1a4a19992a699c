"""Stored runs in short, as Markdown for a pull request or the summary of a CI step."""

from __future__ import annotations

from collections.abc import Sequence

from reports import labels
from reports.campaigns import Campaign, mixtures
from reports.tables import escape_markdown, markdown_table

MOST_BYTES = 60_000
"""A comment on a pull request holds 65,536 characters; a step summary 1 MiB."""

_MARKS = {"good": "✅", "unsure": "⚠️", "bad": "❌"}
_SHOWN_REASONS = 3
_LONGEST = 500  # characters of a line: folders, machines and reasons can be of any length
_HEADS = ("system", "speed-up over Base", "from", "to", "searches")


def step_summary(title: str, campaigns: Sequence[Campaign], *, most: int = MOST_BYTES) -> str:
    """Verdict and speed-ups of each campaign; never more than ``most`` bytes.

    What went wrong stands first, for the end may be left out; then a sentence says how much.
    """
    grades = ("bad", "unsure", "good")
    ordered = sorted(campaigns, key=lambda each: grades.index(each.verdict.kind))
    head = [f"# {escape_markdown(_cut(title))}"]
    records = [record for campaign in campaigns for record in campaign.records]
    head += [f"- {escape_markdown(_cut(line))}" for line in mixtures(records)]
    parts = ["\n".join(head)]
    left = most - len(parts[0].encode()) - 200  # for the last sentence
    for number, campaign in enumerate(ordered):
        text = _campaign(campaign)
        left -= len(text.encode()) + 2
        if left < 0:
            parts.append(f"{len(ordered) - number} more scenarios stand in the report.")
            break
        parts.append(text)
    return "\n\n".join(parts) + "\n"


def _campaign(campaign: Campaign) -> str:
    verdict = campaign.verdict
    where = escape_markdown(f"{campaign.device}, {campaign.host_class}")
    parts = [
        f"## {_MARKS[verdict.kind]} {escape_markdown(campaign.name)}: {verdict.word}",
        f"{escape_markdown(verdict.sentence)} {campaign.measured} of {len(campaign.records)} runs "
        f"measured on {where}.",
    ]
    if campaign.speeds:
        lines = [
            [
                speed.label,
                labels.ratio(speed.middle),
                labels.ratio(speed.low),
                labels.ratio(speed.high),
                str(speed.searches),
            ]
            for speed in campaign.speeds
        ]
        parts.append(markdown_table(_HEADS, lines))
    unmeasured = map(_cut, campaign.unmeasured[:_SHOWN_REASONS])
    reasons = [f"- {escape_markdown(line)}" for line in unmeasured]
    hidden = len(campaign.unmeasured) - len(reasons)
    if hidden > 0:
        reasons.append(f"- and {hidden} more")
    if reasons:
        parts.append("\n".join(reasons))
    return "\n\n".join(parts)


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
