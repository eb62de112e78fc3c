"""The log of a stage: one row at a time, each step once, whatever happened in between."""

import pytest

from meshrec.engine.run_log import RunLog, read_log
from meshrec.errors import InvalidInput


def test_rows_hold_the_means_since_the_last_one(tmp_path):
    log = RunLog(tmp_path, "first")
    for value in (1.0, 2.0, 6.0):
        log.record({"total": value})
    assert log.flush(2, {"images_per_second": 50.0}) == {"total": 3.0, "images_per_second": 50.0}
    log.record({"total": 4.0})
    log.flush(3, {"images_per_second": 40.0})
    assert read_log(log.path) == [
        {"step": 2.0, "total": 3.0, "images_per_second": 50.0},
        {"step": 3.0, "total": 4.0, "images_per_second": 40.0},
    ]


def test_a_row_is_appended_without_touching_those_before(tmp_path):
    log = RunLog(tmp_path, "first")
    for step in range(3):
        log.record({"total": 1 / 3})
        log.flush(step, {})
        if step == 1:
            file, content = log.path.stat().st_ino, log.path.read_text()
    assert log.path.stat().st_ino == file and log.path.read_text().startswith(content)
    assert read_log(log.path)[-1]["total"] == 1 / 3  # every digit


def test_a_resumed_log_drops_repeated_rows_and_a_cut_off_one_and_keeps_the_sums(tmp_path):
    log = RunLog(tmp_path, "first")
    for step in range(6):
        log.record({"total": float(step)})
        if step == 2:
            state = log.state()  # of a checkpoint to go on with at step 3
        if step % 2:
            log.flush(step, {})
    with open(log.path, "a") as file:
        file.write("7.0,0.")
    again = RunLog(tmp_path, "first", 3, state)
    assert [row["step"] for row in read_log(again.path)] == [1]
    again.record({"total": 3.0})
    assert again.flush(3, {}) == {"total": 2.5}  # steps 2 and 3, as in the first attempt
    assert [row["step"] for row in read_log(again.path)] == [1, 3]


def test_a_new_column_widens_the_table(tmp_path):
    log = RunLog(tmp_path, "first")
    log.flush(0, {"total": 1.0})
    log.flush(1, {"total": 2.0, "mask": 0.5})
    assert read_log(log.path) == [{"step": 0.0, "total": 1.0}, {"step": 1.0, "total": 2.0, "mask": 0.5}]


def test_a_file_that_is_no_log_is_explained(tmp_path):
    (tmp_path / "first.csv").write_text("name,age\nAda,36\n")
    with pytest.raises(InvalidInput, match="first.csv is not the log of a stage"):
        RunLog(tmp_path, "first")


def test_tensorboard_shows_each_step_once_after_a_resumption(tmp_path):
    pytest.importorskip("tensorboard", reason="tensorboard reads the events (extra train)")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for start in (0, 2):
        log = RunLog(tmp_path, "first", start)
        for step in range(start, 4):
            log.flush(step, {"total": step + start / 10})
        log.close()
    events = EventAccumulator(str(tmp_path / "tensorboard" / "first"))
    events.Reload()
    shown = [(event.step, round(event.value, 3)) for event in events.Scalars("total")]
    assert shown == [(0, 0.0), (1, 1.0), (2, 2.2), (3, 3.2)]
