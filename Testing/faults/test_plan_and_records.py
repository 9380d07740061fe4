"""The campaign itself: the same seed gives the same faults, and a campaign that was stopped goes on."""

from __future__ import annotations

import json
import random

from faults.mutations import mutate, mutate_json
from faults.plan import SHARES, plan
from faults.records import BROKEN, DIED, DONE, Records, table

KINDS = {job: {"a": 3, "b": 1} for job in SHARES}


def test_the_same_seed_gives_the_same_faults_and_another_seed_others():
    assert plan(1, 200, KINDS) == plan(1, 200, KINDS)
    assert [fault.kind for fault in plan(1, 200, KINDS)] != [fault.kind for fault in plan(2, 200, KINDS)]
    first, again = plan(1, 200, KINDS)[7], plan(1, 400, KINDS)[7]
    assert first == again and first.random().random() == again.random().random()


def test_the_faults_are_shared_out_and_each_kind_has_its_part():
    faults = plan(3, 1000, KINDS)
    assert {job: sum(fault.job == job for fault in faults) for job in SHARES} == {
        job: 10 * share for job, share in SHARES.items()
    }
    assert {(fault.job, fault.kind) for fault in faults} == {(job, kind) for job in SHARES for kind in "ab"}


def test_what_was_done_is_not_done_again_and_what_went_wrong_only_if_asked(tmp_path):
    records = Records(tmp_path / "x.jsonl")
    records.add("1", outcome=DONE)
    records.add("2", outcome=BROKEN)
    with (tmp_path / "x.jsonl").open("a") as file:
        file.write('{"key": "3", "outco')  # killed while it wrote
    later = Records(tmp_path / "x.jsonl")
    assert [later.is_done(key) for key in "123"] == [True, True, False]
    assert [later.is_done(key, again=True) for key in "123"] == [True, False, False]


def test_the_table_counts_what_came_of_each_kind():
    rows = [{"job": "scene", "kind": "x", "outcome": outcome} for outcome in (DONE, DONE, DIED, BROKEN)]
    lines = table(rows, "job").splitlines()
    assert lines[2] == "| scene | x | 4 | 2 |  | 1 | 1 |" and lines[3] == "| all | | 4 | 2 | 0 | 1 | 1 |"


def test_damage_is_damage_and_the_same_for_the_same_seed():
    data, value = bytes(range(256)) * 4, {"a": [1, 2.5, "x", None], "b": {"c": True}}
    made = [mutate(data, random.Random(seed)) for seed in range(50)]
    assert made == [mutate(data, random.Random(seed)) for seed in range(50)]
    assert sum(other != data for other in made) > 45
    texts = [mutate_json(value, random.Random(seed)) for seed in range(50)]
    assert texts == [mutate_json(value, random.Random(seed)) for seed in range(50)]
    assert sum(text != json.dumps(value) for text in texts) > 45
