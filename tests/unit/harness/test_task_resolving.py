"""The tasks of a trained set in a scenario."""

import pytest

from harness.spec import RunSpec, SpecError
from scenarios.matrix import Cell


def spec(folder, **changes):
    values = {"system": "shift", "architecture": "resnet18", "distribution": "top_25",
              "model_set": "trained", **changes}  # fmt: skip
    return RunSpec.from_cell(Cell(parameters=values), folder=folder)


def test_folders_are_found_beside_the_scenario(tmp_path) -> None:
    (tmp_path / "flowers").mkdir()
    found = spec(tmp_path, tasks="image_folder=flowers+digits")
    assert found.tasks == f"image_folder={tmp_path.resolve() / 'flowers'}+digits"
    assert (found.train_epochs, found.train_items) == (20, None)


def test_other_sets_ask_for_no_tasks(tmp_path) -> None:
    found = spec(tmp_path, model_set="synthetic", tasks="nonsense")
    assert (found.tasks, found.train_epochs) == (None, None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tasks": "digitz"}, "Did you mean 'digits'"),
        ({"tasks": "image_folder=nowhere"}, "nothing at the path 'nowhere'"),
        ({"tasks": "docstrings"}, "has texts, but the models of the search read images"),
        ({"tasks": "image_folder"}, "needs a path"),
        (
            {"tasks": "docstrings", "architecture": "bert_tiny", "dataset": "docstrings"},
            "give its file under 'vocabulary'",
        ),
    ],
)
def test_wrong_tasks_are_blamed_on_their_line(tmp_path, changes, message) -> None:
    with pytest.raises(SpecError, match=message) as error:
        spec(tmp_path, **changes)
    assert error.value.parameter == "tasks"
