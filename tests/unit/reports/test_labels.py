import pytest

from reports import labels


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (0.0, "0 s"), (0.0421, "0.042 s"), (0.5, "0.50 s"), (1.234, "1.23 s"),
        (9.999, "10.0 s"), (12.34, "12.3 s"), (99.96, "100 s"), (599.0, "599 s"),
        (600.0, "10.0 min"), (36_000.0, "10.0 h"),
    ],
)  # fmt: skip
def test_seconds(value, text):
    assert labels.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0, "0 B"), (999, "999 B"), (44_700_000, "44.7 MB"), (999_600, "1.00 MB"),
     (2e15, "2000 TB")],
)  # fmt: skip
def test_sizes(value, text):
    assert labels.size(value) == text


def test_ratios_intervals_and_shares():
    assert [labels.ratio(v) for v in (None, 4.414, 12.34, 104.2)] == ["–", "4.41×", "12.3×", "104×"]
    assert labels.interval(1.184, 1.216) == "1.18–1.22"
    assert labels.interval(None, None) == ""
    assert [labels.percent(v) for v in (None, 0.0, 0.001, 0.834, 1.0)] == [
        "–", "0%", "<1%", "83%", "100%",
    ]  # fmt: skip


def test_unknown_names_are_shown_as_they_are():
    assert labels.architecture("my_net") == "my_net"
    assert labels.architecture("resnet18+my_net") == "ResNet-18 + my_net"
    assert labels.architecture("resnet18@64+vit_l_32@96") == "ResNet-18 (64 px) + ViT-L-32 (96 px)"
    assert labels.parameter("precision", "bfloat16") == "precision bfloat16"
    assert labels.parameter("allow_tiny", True) == "allow tiny"
    assert labels.parameter("allow_tiny", False) == "no allow tiny"
    assert labels.parameter("weights", None) is None
    assert labels.parameter("path", "/data/of/mine/birds") == "birds"


def test_phases_are_told_apart_in_grey():
    def luminance(colour):
        red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    shown = [luminance(labels.PHASES[phase].colour) for phase in labels.PAPER_PHASES]
    gaps = [abs(a - b) for at, a in enumerate(shown) for b in shown[at + 1 :]]
    assert min(gaps) > 0.1
    others = [labels.PHASES[p] for p in labels.PHASES if p not in (*labels.PAPER_PHASES, "other")]
    assert len({style.hatch for style in others}) == len(others)
    assert all(style.hatch for style in others)
