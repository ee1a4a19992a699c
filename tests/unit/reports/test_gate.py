"""Two versions' records held against each other."""

import json
import math
from dataclasses import replace

import pytest

from reports.gating.judgement import judge_gate
from reports.gating.metric import Rules
from reports.gating.tables import gate_document, gate_markdown, gate_sentence
from reports.pairing import Cell, pair_cells
from reports.records import Flag
from tests.unit.reports.factory import answer, failed, record

BASE_S = {"Base": 10.0, "Alsatian": 4.0}


def side(which, factors=None, *, rounds=8, labels=("Base", "Alsatian"), **changes):
    """Interleaved rounds of one side, each system's time multiplied by its factor."""
    runs = []
    for number in range(rounds):
        for place, label in enumerate(labels):
            is_second = (which == "head") == (number % 2 == 0)
            noise = math.exp(0.01 * (-1) ** (number // 2)) if which == "head" else 1.0
            runs.append(
                record(
                    label,
                    round=number,
                    wall_s=BASE_S[label] * (factors or {}).get(label, 1.0) * noise,
                    started_at=f"2025-06-18T10:{number:02}:{10 * place + is_second:02}Z",
                    **changes,
                )
            )
    return runs


def verdicts(judgement):
    return {metric.label: metric.verdict for metric in judgement.metrics}


def test_equal_code_is_the_same():
    judgement = judge_gate(side("base"), side("head"), Rules())
    assert verdicts(judgement) == {"Base": "same", "Alsatian": "same"}
    assert (judgement.verdict, judgement.exit_code) == ("same", 0)
    alsatian = judgement.metrics[1]
    assert alsatian.speed_up == pytest.approx((2.5, 2.5))
    assert alsatian.speed_up_ratio.value == pytest.approx(1.0)
    assert "2 of 2 times are within the tolerance" in gate_sentence(judgement)


def test_one_slower_system_is_found_and_the_others_are_not_blamed():
    judgement = judge_gate(side("base"), side("head", {"Alsatian": 1.2}), Rules())
    assert verdicts(judgement) == {"Base": "same", "Alsatian": "regressed"}
    assert judgement.exit_code == 1
    assert judgement.metrics[1].speed_up == pytest.approx((2.5, 2.5 / 1.2))


def test_slower_shared_code_leaves_the_speed_up_and_is_found():
    slower = {"Base": 1.2, "Alsatian": 1.2}
    judgement = judge_gate(side("base"), side("head", slower), Rules())
    assert verdicts(judgement) == {"Base": "regressed", "Alsatian": "regressed"}
    assert judgement.metrics[1].speed_up_ratio.value == pytest.approx(1.0)


def test_a_faster_base_lowers_the_speed_up_and_is_no_regression():
    judgement = judge_gate(side("base"), side("head", {"Base": 0.5}), Rules())
    assert (judgement.verdict, judgement.exit_code) == ("improved", 0)
    assert judgement.metrics[1].speed_up_ratio.value == pytest.approx(0.5)


def test_tolerances_by_system():
    head = side("head", {"Alsatian": 1.2})
    assert judge_gate(side("base"), head, Rules(by_system={"alsatian": 0.3})).exit_code == 0
    assert judge_gate(side("base"), head, Rules(tolerance=0.3)).exit_code == 0
    loose = Rules(tolerance=0.3, by_system={"Alsatian": 0.05})
    assert judge_gate(side("base"), head, loose).exit_code == 1


def test_tolerances_of_scenarios_give_way_to_those_of_the_command():
    head = side("head", {"Alsatian": 1.2})
    scenario = side("base")[0].scenario
    rules = Rules(by_scenario={scenario: {"alsatian": 0.3}, "another": {"alsatian": 0.0}})
    assert judge_gate(side("base"), head, rules).exit_code == 0
    assert judge_gate(side("base"), head, replace(rules, tolerance=0.05)).exit_code == 1
    assert judge_gate(side("base"), head, Rules(by_scenario={"another": {}})).exit_code == 1


def test_another_answer_is_never_a_faster_one():
    wrong = answer(halving=True)
    wrong["models"]["m1"]["segments"]["chunk_1"]["digest"] = "another bit"
    head = side("head", {"Alsatian": 0.5}, labels=["Base"])
    head += side("head", {"Alsatian": 0.5}, labels=["Alsatian"], answer=wrong)
    judgement = judge_gate(side("base"), head, Rules())
    assert verdicts(judgement) == {"Base": "same", "Alsatian": "invalid"}
    assert judgement.exit_code == 3
    reason = judgement.metrics[1].reason
    assert "Answers differ" in reason
    assert "m1, chunk_1" in reason
    assert "Alsatian (base) and Alsatian (head)" in reason
    metric = judgement.metrics[1]  # no time, ratio or speed-up that anybody could quote
    assert (metric.times, metric.base_s, metric.head_s, metric.speed_up) == (None,) * 4


def test_a_base_that_answers_otherwise_gives_no_speed_up():
    wrong = answer(halving=False)
    wrong["models"]["m3"]["score"] = 0.123
    head = side("head", labels=["Base"], answer=wrong) + side("head", labels=["Alsatian"])
    judgement = judge_gate(side("base"), head, Rules())
    assert verdicts(judgement) == {"Base": "invalid", "Alsatian": "same"}
    assert judgement.metrics[1].speed_up is None


def test_a_wrong_answer_in_one_round_is_found():
    wrong = answer(halving=True)
    wrong["ranking"] = wrong["ranking"][::-1]
    head = side("head")
    head[-1] = record("Alsatian", round=7, answer=wrong)
    assert verdicts(judge_gate(side("base"), head, Rules()))["Alsatian"] == "invalid"


def test_a_run_that_went_wrong_fails_the_gate():
    head = side("head")
    head[-1] = failed("Alsatian", round=7)
    judgement = judge_gate(side("base"), head, Rules())
    assert judgement.exit_code == 3
    assert judgement.metrics[1].reason == "head: out_of_memory. it needed 3 GB of 2 GB"
    base = [failed("Base", status="crashed", round=n) for n in range(8)]
    judgement = judge_gate(base, side("head", labels=["Base"]), Rules())
    assert judgement.metrics[0].reason.startswith("base: crashed")


def test_disturbed_runs_are_left_out_with_their_pairs():
    head = side("head", rounds=10)
    disturbed = [
        failed("Alsatian", status="invalid", round=run.round) if run.round < 2 else run
        for run in head
        if run.label == "Alsatian"
    ]
    judgement = judge_gate(side("base", rounds=10), disturbed, Rules())
    alsatian = next(metric for metric in judgement.metrics if metric.label == "Alsatian")
    assert (alsatian.times.rounds, alsatian.verdict) == (8, "same")
    assert judgement.exit_code == 3  # Base is missing in this head
    none = [failed("Alsatian", status="invalid", round=n) for n in range(8)]
    judgement = judge_gate(side("base", labels=["Alsatian"]), none, Rules())
    assert judgement.metrics[0].reason.startswith("No valid pair of runs.")


def test_missing_fails_and_new_is_noted():
    judgement = judge_gate(side("base"), side("head", labels=["Base"]), Rules())
    assert judgement.exit_code == 3
    assert judgement.faults == ("Alsatian in quick is missing in head.",)
    judgement = judge_gate(side("base", labels=["Base"]), side("head"), Rules())
    assert judgement.exit_code == 0
    assert judgement.notes == ("Alsatian in quick is new in head.",)


def test_nothing_measured_is_no_success():
    judgement = judge_gate([], [], Rules())
    assert judgement.exit_code == 3
    assert judgement.faults == ("Base and head have nothing in common that could be compared.",)
    probes = side("base", spec={"system": "probe-sizes"}, readings=[{"blocks": 1}], answer=None)
    assert judge_gate(probes, probes, Rules()).exit_code == 3


def test_other_machines_are_never_compared():
    judgement = judge_gate(side("base"), side("head", host_class="another"), Rules())
    assert (judgement.exit_code, judgement.metrics) == (3, ())
    assert "Different machines" in judgement.faults[0]


def test_too_few_rounds_are_inconclusive_whatever_they_show():
    judgement = judge_gate(
        side("base", rounds=7), side("head", {"Alsatian": 3.0}, rounds=7), Rules()
    )
    assert (judgement.verdict, judgement.exit_code) == ("inconclusive", 4)
    assert judgement.metrics[0].reason == "Measured in 7 rounds; a verdict takes 8."


def test_times_of_two_jobs_are_judged_on_demand_only():
    head = [replace(run, started_at=f"2025-07{run.started_at[7:]}") for run in side("head")]
    judgement = judge_gate(side("base"), head, Rules())
    assert judgement.exit_code == 4
    assert "--across-jobs" in judgement.metrics[0].reason
    assert judge_gate(side("base"), head, Rules(across_jobs=True)).exit_code == 0


def test_faster_or_the_same_holds_nobody_back():
    # Faster by 5% ± 1%: neither shown to be improved nor inside the tolerance.
    judgement = judge_gate(side("base"), side("head", {"Alsatian": 0.952}), Rules())
    assert verdicts(judgement)["Alsatian"] == "inconclusive"
    assert judgement.exit_code == 0
    assert "1 of 2 times are within the tolerance, the others no slower" in gate_sentence(judgement)


def test_only_what_may_be_slower_is_counted_as_inconclusive():
    head = side("head", {"Base": 0.952, "Alsatian": 1.05})
    judgement = judge_gate(side("base"), head, Rules())
    assert judgement.exit_code == 4
    assert "1 of 2 times may have become slower" in gate_sentence(judgement)


def test_scenarios_with_a_specification_in_common_are_judged_apart():
    scenarios = ("fig10", "fig11")
    base = [run for name in scenarios for run in side("base", scenario=name)]
    head = [
        run
        for name, factor in zip(scenarios, (1.3, 1.0), strict=True)
        for run in side("head", {"Alsatian": factor}, scenario=name)
    ]
    judgement = judge_gate(base, head, Rules())
    found = [(metric.search, metric.label, metric.verdict) for metric in judgement.metrics]
    assert len({metric.name for metric in judgement.metrics}) == 4
    assert sorted(verdict for _, _, verdict in found) == ["regressed", "same", "same", "same"]
    assert judgement.exit_code == 1


def test_the_noise_of_the_machine_is_looked_up_by_heads_specification():
    head = side("head", {"Alsatian": 1.08})
    assert judge_gate(side("base"), head, Rules()).exit_code == 1
    known = {(head[1].identity, head[1].host_class): 0.05}
    judgement = judge_gate(side("base"), head, Rules(noise=lambda *key: known.get(key)))
    assert verdicts(judgement) == {"Base": "same", "Alsatian": "inconclusive"}


def test_times_under_a_limit_that_may_not_have_held_are_not_judged():
    sentence = "The memory limit was enforced by rlimit only."
    flag = Flag(name="memory_limit_weaker", sentence=sentence, invalidates=False)
    head = [replace(run, flags=(flag,)) for run in side("head")]
    judgement = judge_gate(side("base"), head, Rules())
    assert judgement.exit_code == 3
    assert all(metric.reason.startswith(sentence) for metric in judgement.metrics)
    assert "doctor" in gate_sentence(judgement)


def test_json_and_markdown_say_the_same():
    head = side("head", {"Alsatian": 1.2}, labels=["Base", "Alsatian"])
    head = [
        replace(run, label="<b>Alsatian|x</b>") if run.label == "Alsatian" else run for run in head
    ]
    base = [
        replace(run, label="<b>Alsatian|x</b>") if run.label == "Alsatian" else run
        for run in side("base")
    ]
    judgement = judge_gate(base, head, Rules())
    facts = {
        "base": {"name": "main", "commit": "0" * 40},
        "head": {"name": "mine"},
        "replaced": 2,
        "runs": 40,
    }
    document = json.loads(json.dumps(gate_document(judgement, facts)))
    assert (document["verdict"], document["exit_code"]) == ("regressed", 1)
    assert [metric["verdict"] for metric in document["metrics"]] == ["same", "regressed"]
    assert document["metrics"][1]["ratio"] == pytest.approx(1.2, rel=1e-6)
    assert len(document["metrics"][1]["ratios"]) == 8
    text = gate_markdown(judgement, facts)
    assert "## Speed gate: regressed" in text
    assert "inference 2.00 s → 2.40 s" in text  # what became slower
    assert "<b>" not in text.replace("\\<b\\>", "")
    assert "2 of 40 runs were disturbed" in text
    assert len(text) < 65_536  # the most that a comment may hold


def cell(label="Base", scenario="gate", **spec):
    return Cell(scenario=scenario, scale=None, label=label, spec=spec)


def test_versions_that_know_other_parameters_are_paired():
    base = [cell(items=400, specification=2, options={"prefetch": False})]
    head = [cell(items=400, specification=3, options={"prefetch": True, "new": 1}, compile=False)]
    assert pair_cells(base, head).pairs == ((0, 0),)
    assert pair_cells(base, [cell(items=800, compile=False)]).missing == (0,)


def test_files_of_two_checkouts_are_the_same_file():
    pairing = pair_cells([cell(path="/base/images")], [cell(path="/head/images")])
    assert pairing.pairs == ((0, 0),)
    assert not pair_cells([cell(path="/base/images")], [cell(path="/base/texts")]).pairs


def test_cells_that_cannot_be_told_apart_are_a_problem():
    head = [cell(items=400, precision="fp32"), cell(items=400, precision="bf16")]
    pairing = pair_cells([cell(items=400)], head)
    assert (pairing.pairs, pairing.missing) == ((), ())
    assert "base has 1 such cells and head 2" in pairing.problems[0]
