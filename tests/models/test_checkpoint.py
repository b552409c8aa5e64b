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


@pytest.mark.parametrize("keep", [5, 8, 2000, -1])
def test_cut_weights_are_named(tiny, keep):
    weights = tiny / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:keep])
    assert complaint(tiny) == "tiny: missing or cut off: model.safetensors"


@pytest.mark.parametrize(
    "content", [bytes(100_000), (2**60).to_bytes(8, "little") + b"{}", b"<html>403 Forbidden</html>" * 9], ids=len
)
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


# --- what stands in a file's place ------------------------------------------------------------


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_git_lfs_pointers_and_empty_files_are_called_so(tiny, name):
    (tiny / name).write_bytes(POINTER)
    assert complaint(tiny) == f"tiny: missing or cut off: {name} (a Git LFS pointer, not the file itself: git lfs pull)"
    (tiny / name).write_bytes(b"")
    assert complaint(tiny) == f"tiny: missing or cut off: {name} (empty)"


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "m.gguf", "adapter_model.bin"]
)
def test_weights_in_another_form_are_named(tiny, name):
    (tiny / "model.safetensors").rename(tiny / name)
    assert f"model.safetensors (there is {name}, but only safetensors are loaded" in complaint(tiny)


@pytest.mark.parametrize(
    "content", ["{}", "[]", '{"weight_map": [1]}', '{"weight_map": {"a": 1}}', '{"weight_map": {}}']
)
def test_an_index_that_says_nothing_is_named(shards, content):
    (shards / "model.safetensors.index.json").write_text(content, encoding="utf-8")
    assert complaint(shards) == "shards: missing or cut off: model.safetensors.index.json"


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "tokenizer.json", "processor_config.json"])
def test_texts_that_are_no_tables_are_named(tiny, name):
    (tiny / name).write_text("[]", encoding="utf-8")
    assert complaint(tiny) == f"tiny: missing or cut off: {name}"


def test_json_nested_too_deep_is_named(tiny):
    (tiny / "config.json").write_text("[" * 100_000, encoding="utf-8")
    assert complaint(tiny) == "tiny: missing or cut off: config.json"


# --- what must not be loaded ------------------------------------------------------------------


def edit(path, **values):
    path.write_text(json.dumps(json.loads(path.read_bytes()) | values), encoding="utf-8")


def fault(folder, **options):
    with pytest.raises(ValueError) as caught:
        check_folder(folder, "download it again", **options)
    said = str(caught.value)
    assert str(folder.parent) not in said and said.startswith(folder.name) and "->" in said
    return said


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "processor_config.json"])
def test_code_that_a_folder_brings_is_refused(tiny, name):
    edit(tiny / name, auto_map={"AutoConfig": "planted.Planted"})
    for weights in (True, False):
        assert f"auto_map in {name} asks for Python code" in fault(tiny, weights=weights)


def test_code_that_ours_replaces_is_passed_over(tmp_path):
    folder = official.write(tmp_path / "MiniCPM-o-2_6", "minicpm_o")
    assert "auto_map" in json.loads((folder / "config.json").read_bytes())
    assert check_folder(folder, "", model_type="minicpmo") == folder


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation"])
def test_attention_code_from_a_hub_is_refused(tiny, key):
    edit(tiny / "config.json", **{key: "someone/kernel"})
    assert "'someone/kernel', which is never run" in fault(tiny)
    edit(tiny / "config.json", **{key: "sdpa"})
    assert check_folder(tiny, "") == tiny


def test_an_adapter_beside_a_model_is_refused(tiny):
    (tiny / "adapter_config.json").write_text('{"base_model_name_or_path": "someone/base"}', encoding="utf-8")
    assert "adapter_config.json beside a whole model" in fault(tiny)


@pytest.mark.parametrize(
    "name", ["../other.safetensors", "/other.safetensors", "sub/x.safetensors", "x.bin", "..\\x.safetensors"]
)
def test_an_index_that_leads_out_of_the_folder_is_refused(shards, name):
    shutil.copy(shards / SHARD, shards.parent / "other.safetensors")
    index = json.loads((shards / "model.safetensors.index.json").read_bytes())
    index["weight_map"] = {key: name if file == SHARD else file for key, file in index["weight_map"].items()}
    (shards / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    assert "is no file of weights in this folder" in fault(shards)


def test_an_index_of_another_model_is_refused(shards):
    index = json.loads((shards / "model.safetensors.index.json").read_bytes())
    index["weight_map"] |= {"model.more.weight": SHARD}
    (shards / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    assert f"model.more.weight (1 such) lies in {SHARD}, where it is not" in fault(shards)


def test_the_file_that_transformers_would_take_is_the_one_looked_at(shards):
    (shards / "model.safetensors").write_bytes(b"torn")
    assert complaint(shards) == "shards: missing or cut off: model.safetensors"


def test_another_family_is_refused(tiny):
    assert check_folder(tiny, "", model_type="qwen2_vl") == tiny
    assert "model_type 'qwen2_vl', wanted is 'glm_ocr'" in fault(tiny, model_type="glm_ocr")


def test_integers_are_refused_unless_they_are_a_quantization(tiny):
    from safetensors.torch import load_file, save_file

    weights = load_file(tiny / "model.safetensors")
    save_file({name: weight.int() for name, weight in weights.items()}, tiny / "model.safetensors", {"format": "pt"})
    assert "are I32, no floating-point numbers" in fault(tiny)
    edit(tiny / "config.json", quantization_config={"quant_method": "bitsandbytes"})
    assert check_folder(tiny, "") == tiny


def test_a_tokenizer_with_more_words_than_the_embedding_has_rows_is_refused(tiny):
    words = json.loads((tiny / "tokenizer.json").read_bytes())
    words["added_tokens"].append(words["added_tokens"][-1] | {"id": 885, "content": "<|one_more|>"})
    (tiny / "tokenizer.json").write_text(json.dumps(words), encoding="utf-8")
    assert "ids up to 886, the embedding 885 rows" in fault(tiny)


def test_a_tokenizer_file_without_a_tokenizer_is_refused(tiny):
    (tiny / "tokenizer.json").write_text("{}", encoding="utf-8")
    assert "holds no tokenizer" in fault(tiny)
