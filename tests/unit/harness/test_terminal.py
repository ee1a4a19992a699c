from __future__ import annotations

from harness.terminal import again_command


def test_the_command_to_type_again_leaves_out_what_is_of_this_machine():
    given = [
        "run",
        "my file.yaml",
        "--runs",
        "/here",
        "--cache=/there",
        "--force",
        "--set",
        "items=7",
    ]
    assert again_command(given) == "alsatian-bench run 'my file.yaml' --set items=7"
    assert again_command(["run", "quick", "--runs"]) == "alsatian-bench run quick"
