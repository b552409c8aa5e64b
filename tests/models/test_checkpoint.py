"""helpers.models.checkpoint: an incomplete download is named file by file, with the cure and without machine paths."""

import json
import shutil

import official
import pytest

from helpers.models.checkpoint import check_folder, is_whole
from helpers.paths import ROOT

TINY = ROOT / "data" / "tiny-qwen2-vl"
POINTER = (
    b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1\nsize 8685632\n"
)
SHARD = "model-00002-of-00002.safetensors"


@pytest.fixture
def tiny(tmp_path):
    return shutil.copytree(TINY, tmp_path / "tiny")


@pytest.fixture(scope="module")
def whole_shards(tmp_path_factory):
    return official.write(tmp_path_factory.mktemp("hub") / "Qwen2-VL-2B-Instruct")


@pytest.fixture
def shards(tmp_path, whole_shards):
    return shutil.copytree(whole_shards, tmp_path / "shards")


def complaint(folder):
    with pytest.raises(FileNotFoundError) as caught:
        check_folder(folder, "download it again")
    message = str(caught.value)
    assert str(folder.parent) not in message and message.endswith("-> download it again")
    return message.split("; found:")[0]


def test_whole_folders_pass(tiny, shards):
    assert check_folder(tiny, "") == tiny and check_folder(shards, "") == shards


def test_missing_folder_is_named(tmp_path):
    assert complaint(tmp_path / "no-such-model") == "no checkpoint folder no-such-model -> download it again"


def test_empty_folder_names_everything(tmp_path):
    (tmp_path / "empty").mkdir()
    message = complaint(tmp_path / "empty")
    for name in ("config.json", "tokenizer_config.json", "tokenizer.json or vocab.json", "model.safetensors"):
        assert name in message


@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer_config.json", "tokenizer.json", "processor_config.json", "model.safetensors"]
)
def test_missing_file_is_named(tiny, name):
    (tiny / name).unlink()
    message = complaint(tiny)
    assert message.startswith(f"tiny: missing or cut off: {name}") and message.count(".json") <= 2


@pytest.mark.parametrize("name", ["config.json", "generation_config.json", "tokenizer.json"])
def test_cut_json_is_named(tiny, name):
    (tiny / name).write_bytes((tiny / name).read_bytes()[:-20])
    assert complaint(tiny) == f"tiny: missing or cut off: {name}"


@pytest.mark.parametrize("keep", [0, 5, 8, 2000, -1])
def test_cut_weights_are_named(tiny, keep):
    weights = tiny / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:keep])
    assert complaint(tiny) == "tiny: missing or cut off: model.safetensors"


@pytest.mark.parametrize("content", [POINTER, bytes(100_000), b"<html>403 Forbidden</html>" * 9], ids=len)
def test_what_is_no_weights_is_named(tiny, content):
    (tiny / "model.safetensors").write_bytes(content)
    assert complaint(tiny) == "tiny: missing or cut off: model.safetensors"


def test_weights_with_too_much_are_named(tiny):
    with (tiny / "model.safetensors").open("ab") as file:
        file.write(b"0")
    assert not is_whole(tiny / "model.safetensors") and complaint(tiny)


def test_missing_and_cut_shards_are_named(shards):
    assert SHARD in json.loads((shards / "model.safetensors.index.json").read_bytes())["weight_map"].values()
    (shards / SHARD).write_bytes((shards / SHARD).read_bytes()[:-1])
    assert complaint(shards) == f"shards: missing or cut off: {SHARD}"
    (shards / SHARD).unlink()
    assert complaint(shards) == f"shards: missing or cut off: {SHARD}"


def test_cut_index_is_named(shards):
    index = shards / "model.safetensors.index.json"
    index.write_bytes(index.read_bytes()[:50])
    assert complaint(shards) == "shards: missing or cut off: model.safetensors.index.json"


def test_message_lists_what_is_there(shards):
    (shards / "config.json").unlink()
    with pytest.raises(FileNotFoundError, match="found: chat_template.json, .*merges.txt, model-00001"):
        check_folder(shards, "")


def test_processor_needs_no_weights(shards):
    for path in shards.glob("model*"):
        path.unlink()
    assert check_folder(shards, "", weights=False) == shards
    (shards / "preprocessor_config.json").unlink()
    with pytest.raises(FileNotFoundError, match="processor_config.json or preprocessor_config.json"):
        check_folder(shards, "", weights=False)
