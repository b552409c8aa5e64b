"""Lesson 6 with Settings.real() on a GPU and without a hub: all that happens with official weights, minus the weights.

    python tests/real_mode.py WORK_FOLDER [batch_size=4 gradient_accumulation=4 …]      (one GPU, 10 GB of disk)

Makes a checkpoint folder laid out as Qwen/Qwen2-VL-2B-Instruct (its config in the flat form of the hub, two safetensors
shards, random weights, a small tokenizer with the official ids of the special tokens) and LaTeX_OCR as parquet, then
runs the code cells of lesson 6 with the one changed word. Random weights read nothing: this shows that the path works
and what it costs, not how well it reads.
"""

import json
import sys
import time
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from helpers import formulas, tiny  # noqa: E402
from helpers.settings import Settings  # noqa: E402

OFFICIAL_CONFIG = {
    "architectures": ["Qwen2VLForConditionalGeneration"],
    "attention_dropout": 0.0,
    "bos_token_id": 151643,
    "eos_token_id": 151645,
    "vision_start_token_id": 151652,
    "vision_end_token_id": 151653,
    "vision_token_id": 151654,
    "image_token_id": 151655,
    "video_token_id": 151656,
    "hidden_act": "silu",
    "hidden_size": 1536,
    "initializer_range": 0.02,
    "intermediate_size": 8960,
    "max_position_embeddings": 32768,
    "max_window_layers": 28,
    "model_type": "qwen2_vl",
    "num_attention_heads": 12,
    "num_hidden_layers": 28,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-06,
    "rope_theta": 1000000.0,
    "sliding_window": 32768,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "use_sliding_window": False,
    "vision_config": {
        "depth": 32,
        "embed_dim": 1280,
        "mlp_ratio": 4,
        "num_heads": 16,
        "in_chans": 3,
        "hidden_size": 1536,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "spatial_patch_size": 14,
        "temporal_patch_size": 2,
    },
    "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]},
    "vocab_size": 151936,
    "transformers_version": "4.41.2",
}


def write_checkpoint(folder):
    """The folder of a Qwen2-VL-2B-Instruct with random weights, saved in shards."""
    from transformers import Qwen2Tokenizer, Qwen2VLConfig, Qwen2VLForConditionalGeneration

    processor = tiny.qwen2_vl_processor()
    vocab, merges = tiny.train_bpe(tiny.corpus(), [], 498)
    vocab |= {f"unused{index}": index for index in range(len(vocab), OFFICIAL_CONFIG["bos_token_id"])}
    vocab |= {token: len(vocab) + place for place, token in enumerate(tiny.QWEN2_VL_SPECIAL_TOKENS)}
    processor.tokenizer = Qwen2Tokenizer(
        vocab=vocab,
        merges=merges,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=tiny.QWEN2_VL_SPECIAL_TOKENS[1:],
    )
    for token, index in zip(tiny.QWEN2_VL_SPECIAL_TOKENS, range(151643, 151657), strict=True):
        assert processor.tokenizer.convert_tokens_to_ids(token) == index, token
    torch.manual_seed(0)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = Qwen2VLForConditionalGeneration._from_config(
            Qwen2VLConfig.from_dict(OFFICIAL_CONFIG), dtype=torch.bfloat16
        )
    model.save_pretrained(folder, max_shard_size="3GB")
    processor.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps(OFFICIAL_CONFIG, indent=2), encoding="utf-8")


def write_latex_ocr(folder, count):
    """``count`` drawn formulas as a parquet file with the columns of LaTeX_OCR."""
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = []
    for index in range(count):
        picture, latex = formulas.draw_sample(index, 11, "scan")
        data = io.BytesIO()
        picture.save(data, format="PNG")
        rows.append({"image": {"bytes": data.getvalue(), "path": f"{index}.png"}, "text": latex})
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "train-00000-of-00001.parquet")


def lesson_cells():
    """The code cells of lesson 6 up to the pictures, as (id, source); no exercises."""
    notebook = json.loads((ROOT / "notebooks/en/06_qwen2_vl_lora.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return [
        (cell["id"], "".join(cell["source"])) for cell in cells if "solution" not in cell["metadata"].get("tags", [])
    ]


def memory():
    return f", peak so far {torch.cuda.max_memory_allocated() / 1e9:.1f} GB" if torch.cuda.is_available() else ""


def main(work, *overrides):
    start = time.perf_counter()
    write_checkpoint(work / "models" / "Qwen2-VL-2B-Instruct")
    write_latex_ocr(work / "models" / "LaTeX_OCR" / "data", 640)
    print(f"checkpoint and data written: {time.perf_counter() - start:.0f} s", flush=True)
    options = (
        f"models_dir={str(work / 'models')!r}, output_dir={str(work / 'output')!r}, tracker='disabled', "
        "train_samples=512, test_samples=64, max_new_tokens=80, " + ", ".join(overrides)
    )
    names = {"Settings": Settings}
    for cell, source in lesson_cells():
        source = source.replace("Settings.tiny()", f"Settings.real({options})")
        start = time.perf_counter()
        exec(compile(source, cell, "exec"), names)
        print(f"--- cell {cell}: {time.perf_counter() - start:.1f} s{memory()}", flush=True)
    if torch.cuda.is_available():
        trainer = names["trainer"]
        print(torch.cuda.get_device_name(), "torch", torch.__version__)
        print({k: v for k, v in trainer.state.log_history[-1].items() if "runtime" in k or "per_second" in k})


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), *sys.argv[2:])
