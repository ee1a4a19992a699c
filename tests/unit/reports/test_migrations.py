"""Records of every earlier schema are read; the files stay as they are."""

from __future__ import annotations

import pytest

from harness.run_store import RECORD_SCHEMA
from reports.loading import load_records
from reports.migrations import SCHEMA, lift
from reports.records import Flag
from tests.unit.reports.factory import record, record_json, write

NEW_IN_2 = ("limits", "cache_proof", "telemetry", "flags", "host_state", "git")
NEW_IN_3 = ("decisions",)
NEW_IN_4 = ("scale", "stands_for", "readings")
NEW_IN_5 = ("files",)


def schema_1(**changes):
    old = {
        name: value
        for name, value in record_json(**changes).items()
        if name not in NEW_IN_2 + NEW_IN_3 + NEW_IN_4 + NEW_IN_5
    }
    return old | {"schema": 1, "environment": {"cores": 2, "load_1min": 0.25}}


def test_records_are_written_in_the_schema_that_is_read():
    assert RECORD_SCHEMA == SCHEMA


def test_from_2_what_was_not_written_is_unknown():
    news = NEW_IN_3 + NEW_IN_4 + NEW_IN_5
    old = {name: value for name, value in record_json(schema=2).items() if name not in news}
    assert lift(old) == {**old, "schema": SCHEMA, **dict.fromkeys(news), "stands_for": {}}


def test_from_1_nothing_is_invented():
    old = schema_1()
    new = lift(old)
    assert new["schema"] == SCHEMA
    assert {name: new[name] for name in NEW_IN_2 if name != "host_state"} == dict.fromkeys(
        ("limits", "cache_proof", "telemetry", "flags", "git")
    )
    assert new["host_state"] == {"load": [0.25, None, None]}
    assert new["environment"] == {"cores": 2}
    untouched = old.keys() - {"schema", "environment"}
    assert {name: new[name] for name in untouched} == {name: old[name] for name in untouched}
    assert old == schema_1()


@pytest.mark.parametrize("environment", [None, {}, "broken"])
def test_an_old_record_without_environment(environment):
    lifted = lift({**schema_1(), "environment": environment})
    assert lifted["environment"] == environment
    assert lifted["host_state"] is None


def test_a_present_record_is_left_alone():
    new = record_json()
    assert lift(new) is new


def test_both_schemas_are_loaded_side_by_side(tmp_path):
    path = write(tmp_path, schema_1(round=0))
    before = path.read_bytes()
    write(tmp_path, record_json(round=1))
    old, new = load_records(tmp_path).records
    assert (old.flags, new.flags) == (None, ())
    assert old.wall_s == new.wall_s
    assert path.read_bytes() == before


@pytest.mark.parametrize("schema", [None, 0, -1, "1", 1.5, True, SCHEMA + 1])
def test_no_steps_lead_from_there(schema):
    with pytest.raises(ValueError, match=r"reads schemas 1 to 5\. Left out: "):
        lift({"schema": schema})


def test_flags_are_typed():
    flags = [{"name": "busy", "sentence": "Others used 12% of the cores.", "invalidates": False}]
    assert record(flags=flags).flags == (
        Flag(name="busy", sentence="Others used 12% of the cores.", invalidates=False),
    )
