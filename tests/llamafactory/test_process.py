"""helpers.llamafactory.process: what the child may see of this machine, and what is read of its log."""

from helpers.llamafactory.process import environment, read_log


def test_child_sees_only_the_gpus_it_may_take_and_no_hub_for_a_local_model(place, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3,4")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    config = {"model_name_or_path": str(place / "model")}
    assert environment(config)["CUDA_VISIBLE_DEVICES"] == "2"
    assert environment(config, 2)["CUDA_VISIBLE_DEVICES"] == "2,3"
    assert environment(config | {"use_cpu": True})["CUDA_VISIBLE_DEVICES"] == ""
    assert environment(config)["HF_HUB_OFFLINE"] == "1"
    assert "HF_HUB_OFFLINE" not in environment({"model_name_or_path": "zai-org/GLM-OCR"})
    assert "DISABLE_VERSION_CHECK" not in environment(config)


def test_processes_share_the_cores(place, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 32)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    config = {"model_name_or_path": str(place / "model")}
    assert environment(config | {"preprocessing_num_workers": 4})["OMP_NUM_THREADS"] == "8"
    assert environment(config, 2)["OMP_NUM_THREADS"] == "16"
    assert "OMP_NUM_THREADS" not in environment(config | {"preprocessing_num_workers": 1})
    assert environment(config | {"preprocessing_num_workers": 4, "use_cpu": True})["OMP_NUM_THREADS"] == "1"


def test_a_row_that_is_still_being_written_is_left_for_later(tmp_path):
    assert read_log(None) == read_log(tmp_path / "trainer_log.jsonl") == []
    (tmp_path / "trainer_log.jsonl").write_text('{"current_steps": 1, "loss": 2.5}\n{"current_st', encoding="utf-8")
    assert read_log(tmp_path / "trainer_log.jsonl") == [{"current_steps": 1, "loss": 2.5}]
