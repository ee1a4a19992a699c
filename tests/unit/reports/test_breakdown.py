import pytest
from PIL import Image

from reports.comparison import compare
from reports.figures.breakdown import draw, grid_columns
from tests.unit.reports.factory import SYSTEMS, answer, failed, record


def wrong_answer():
    wrong = answer(halving=True)
    wrong["models"]["m0"]["segments"]["test"]["digest"] = "x"
    return wrong


def searches(count):
    return [
        record(label, spec={"distribution": d, "items": 400 * (1 + n)})
        for n in range(count // 3)
        for d in ("top_50", "top_25", "top_layers")
        for label in SYSTEMS
    ]


CASES = {
    "nothing measured": [failed("Base"), failed("SHiFT", "crashed")],
    "one system": [record("Alsatian")],
    "ugly": [
        record(),
        failed("SHiFT"),
        record("Alsatian", answer=wrong_answer()),
        record("$\\broken$ + option=" + "long" * 12, phases_s={"teleport": 4.0}),
        record(spec={"dataset": "fake", "distribution": "top_layers"}, wall_s=40_000.0),
    ],
}


@pytest.mark.parametrize("name", CASES)
def test_every_case_gives_two_files(tmp_path, name):
    png, pdf = draw(compare(CASES[name]), tmp_path / "new" / "folder")
    with Image.open(png) as image:
        assert image.width > 500
    assert pdf.read_bytes().startswith(b"%PDF")


def test_equal_input_gives_equal_bytes(tmp_path):
    runs = [record(label, round=n, wall_s=9.0 + n) for label in SYSTEMS for n in range(2)]
    first = draw(compare(runs), tmp_path / "a")
    second = draw(compare(list(reversed(runs))), tmp_path / "b")
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_distributions_make_columns():
    assert grid_columns(compare(searches(24)).searches) == 3
    assert grid_columns(compare([record()]).searches) == 1
    two = [record(spec={"distribution": d}) for d in ("top_50", "top_layers")]
    assert grid_columns(compare(two).searches) == 2


def test_panels_do_not_touch_and_every_text_is_inside(tmp_path, monkeypatch):
    """Six panels with long texts: looked at through matplotlib's own layout."""
    from matplotlib.figure import Figure

    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: drawn.append(figure))
    wide = "Alsatian + schedule=block_major + cache_budget=64 MiB"
    draw(compare([*searches(6), record(wide), failed("Alsatian", round=1)]), tmp_path)
    figure = drawn[0]
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    boxes = [axis.get_tightbbox(renderer) for axis in figure.axes]
    for at, box in enumerate(boxes):
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1 + 1
        assert not any(box.overlaps(other) for other in boxes[at + 1 :])
