"""MiniCPM through LLaMA-Factory: rows of pictures, videos and sounds, counted, trained on, merged, and asked again."""

import json

import numpy as np
import pytest
import torch
from llamafactory_places import FAMILIES, draw, media_config_of, write_talks

from helpers import llamafactory
from helpers.data import media
from helpers.data.formats import Turn
from helpers.data.samples import Sample
from helpers.data.synthetic import videos
from helpers.data.validate import DataError
from helpers.llamafactory.config import ConfigError
from helpers.llamafactory.predict import encode
from helpers.llamafactory.values import DEFAULTS
from helpers.models.load import load_processor
from helpers.settings import Settings

END = "<|im_end|>\n"


# --- what LLaMA-Factory makes of the rows -------------------------------------------------------


@pytest.fixture(scope="module")
def facts(media_place, forks):
    """What tests/reference/llamafactory_media.py printed about each family."""

    def ask(family):
        words = media_place / family, media_place / f"data_{family}", family
        return forks.ask("llamafactory_media", media_place / f"{family}.log", *words)

    return {family: ask(family) for family in FAMILIES}


@pytest.mark.parametrize("family", FAMILIES)
def test_trained_are_the_answers_and_their_ends(media_place, facts, family):
    tokenizer = load_processor(family, Settings.tiny()).tokenizer
    rows = json.loads((media_place / f"data_{family}" / "rows.json").read_bytes())
    for (_, labels), row in zip(facts[family]["rows"], rows, strict=True):
        answers = [message["content"] for message in row["messages"] if message["role"] == "assistant"]
        trained = tokenizer.decode([label for label in labels if label != -100])
        assert trained == "".join(answer + END for answer in answers)


@pytest.mark.parametrize("family", FAMILIES)
def test_check_counts_the_tokens_that_llamafactory_makes(media_place, facts, family, capsys):
    report = llamafactory.check(media_config_of(media_place, family))
    assert report.lengths == [len(ids) for ids, _ in facts[family]["rows"]]
    said = capsys.readouterr().out
    assert "longest video, 1.mp4: 5 s x 2 frames a second = 10 frames; x 34 tokens = 340 tokens" in said
    assert ("longest sound, 1.wav: 1 s = 27 tokens" in said) == (family == "minicpm_o")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_row_learns_the_same_alone_and_in_a_mixed_batch(facts, family):
    assert facts[family]["together"] == pytest.approx(facts[family]["alone"], abs=2e-3)


@pytest.mark.parametrize(
    ("row", "modality", "name"), [(1, "video", "0.mp4"), (3, "video", "1.mp4"), (4, "audio", "0.wav")]
)
def test_questions_are_those_of_the_training(media_place, facts, row, modality, name):
    folder, processor = media_place / "data_minicpm_o", load_processor("minicpm_o", Settings.tiny())
    config = DEFAULTS | media_config_of(media_place, "minicpm_o")
    ids, labels = facts["minicpm_o"]["rows"][row]
    prompt = {"video": "Watch.", "audio": "Hear."}[modality]
    asked = encode(processor, [Sample(folder / name, "", modality)], config, prompt)["input_ids"][0].tolist()
    assert asked == ids[: len(asked)] and labels[len(asked) - 1] == -100 != labels[len(asked)]


# --- refused before anything starts -------------------------------------------------------------


def refused(media_place, family, name, talk, **changes):
    """What ``check`` says of a data set with that one row."""
    folder = media_place / name
    draw(folder)
    write_talks([talk(folder)], folder)
    with pytest.raises((DataError, ConfigError)) as caught:
        llamafactory.check(media_config_of(media_place, family, data=name, **changes))
    return str(caught.value)


@pytest.mark.parametrize(
    ("family", "turn", "changes", "said"),
    [
        ("minicpm_v", {"images": ("0.png",), "videos": ("0.mp4",)}, {}, "pictures and a video in one row"),
        ("minicpm_v", {"videos": ("0.mp4", "1.mp4")}, {}, "2 videos in one row"),
        ("minicpm_v", {"audios": ("0.wav",)}, {}, "template minicpm_v has no place for them"),
        ("minicpm_v", {"videos": ("0.mp4",)}, {"video_fps": 0.5}, "a single frame at video_fps 0.5 -> video_fps: 1 or"),
        ("minicpm_v", {"videos": ("1.mp4",)}, {"cutoff_len": 200}, "cutoff_len 200 would cut"),
        ("minicpm_o", {"audios": ("0.wav",)}, {"audio_sampling_rate": 8000}, "MiniCPM-o takes 16000"),
    ],
)
def test_check_refuses_what_llamafactory_cannot_do(media_place, family, turn, changes, said):
    def talk(folder):
        return [Turn("Q", "a", **{kind: tuple(folder / name for name in names) for kind, names in turn.items()})]

    assert said in refused(media_place, family, "refused", talk, **changes)


def test_video_without_a_number_of_frames_is_refused(media_place):
    def talk(folder):
        import av

        with av.open(str(folder / "0.mkv"), "w") as made:
            stream = made.add_stream("libx264", rate=4)
            stream.height, stream.width, stream.pix_fmt = 32, 32, "yuv420p"
            for shade in range(8):
                frame = av.VideoFrame.from_ndarray(np.full((32, 32), 20 * shade, np.uint8), "gray")
                made.mux(stream.encode(frame.reformat(format="yuv420p")))
            made.mux(stream.encode())
        return [Turn("Q", "a", videos=(folder / "0.mkv",))]

    assert "no number of frames, so only the first 32 would be taken -> write it as MP4" in refused(
        media_place, "minicpm_v", "mkv", talk
    )


def test_a_video_mended_under_the_same_name_is_looked_at_again(media_place):
    def talk(folder):
        videos.write_video(np.zeros((2, 64, 96), np.uint8), folder / "0.mp4")  # half a second
        return [Turn("Q", "a", videos=(folder / "0.mp4",))]

    assert "too short, a single frame" in refused(media_place, "minicpm_v", "mended", talk)
    draw(media_place / "mended")
    assert len(llamafactory.check(media_config_of(media_place, "minicpm_v", data="mended")).clips) == 1


def test_a_sound_mended_under_the_same_name_is_counted_again(media_place):
    folder, tokens = media_place / "longer", []
    draw(folder)
    write_talks([[Turn("Q", "a", audios=(folder / "0.wav",))]], folder)
    for name in ("0.wav", "1.wav"):
        (folder / "0.wav").write_bytes((folder / name).read_bytes())
        tokens.append(llamafactory.check(media_config_of(media_place, "minicpm_o", data="longer")).clips[0][2])
    assert tokens[0] < tokens[1] == 27


def test_video_budget_says_what_a_video_costs(capsys):
    processor = load_processor("minicpm_v", Settings.tiny())
    assert llamafactory.video_budget(60, (112, 56), processor, fps=2, max_frames=32) == (32, 34, 1088)
    assert "60 s x 2 frames a second = 32 frames (video_maxlen 32); x 34 tokens = 1088" in capsys.readouterr().out


# --- real runs ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def runs(media_place, forks):
    """LoRA on the mixed rows with the audio tower trained whole; all weights; and the merged LoRA model."""
    lora = media_config_of(
        media_place, "minicpm_o", "lora", additional_target="apm,audio_projection_layer", learning_rate=0.01
    )
    full_base = llamafactory.recipe("minicpm_v_full_sft")
    full = media_config_of(media_place, "minicpm_v", "full", base=full_base, freeze_vision_tower=False)
    export = llamafactory.recipe("minicpm_o_export") | {
        "model_name_or_path": str(media_place / "minicpm_o"),
        "adapter_name_or_path": str(media_place / "lora"),
        "export_dir": str(media_place / "merged"),
        "infer_dtype": "float32",
    }
    with forks.forking():
        made = {"lora": llamafactory.train(lora), "full": llamafactory.train(full)}
        return made | {"merged": llamafactory.export(export), "config": lora}


def test_no_code_is_copied_beside_the_weights(runs):
    folders = [runs["lora"].folder, runs["full"].folder, runs["merged"]]
    assert not [path.name for folder in folders for path in folder.rglob("*.py")]


def test_adapter_holds_lora_and_the_trained_audio_tower(runs):
    from safetensors.torch import load_file

    names = load_file(runs["lora"].folder / "adapter_model.safetensors").keys()
    assert any("llm.model.layers.0.self_attn.q_proj.lora_A" in name for name in names)
    assert any(name.endswith("apm.conv1.weight") for name in names) and not any("vpm" in name for name in names)


def test_full_run_trains_vision_and_language_but_not_the_resampler(media_place, runs):
    from safetensors.torch import load_file

    before, after = (
        load_file(folder / "model.safetensors") for folder in (media_place / "minicpm_v", runs["full"].folder)
    )
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name].float(), after[name].float())}
    assert changed == {"llm", "vpm"}


@pytest.mark.parametrize(("modality", "name"), [("image", "1.png"), ("video", "0.mp4"), ("audio", "1.wav")])
def test_merged_model_says_what_base_and_adapter_say(media_place, runs, modality, name):
    from peft import PeftModel
    from transformers import AutoModelForImageTextToText

    processor, config = load_processor("minicpm_o", Settings.tiny()), DEFAULTS | runs["config"]
    inputs = encode(processor, [Sample(media_place / "data_minicpm_o" / name, "", modality)], config, "Q")
    base = AutoModelForImageTextToText.from_pretrained(media_place / "minicpm_o")
    merged = AutoModelForImageTextToText.from_pretrained(runs["merged"])
    with torch.inference_mode():
        plain = base(**inputs).logits
        adapted = PeftModel.from_pretrained(base, runs["lora"].folder).eval()(**inputs).logits
        assert torch.allclose(adapted, merged(**inputs).logits, atol=1e-3)
    assert not torch.allclose(plain, adapted, atol=1e-2)


def test_mp3_flac_and_wav_sound_alike(tmp_path):
    """A tone of 440 Hz in stereo at 44.1 kHz, in three files, heard as one channel at 16 kHz."""
    import av

    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(44100) / 44100).astype(np.float32)
    for name, codec in (("a.mp3", "libmp3lame"), ("a.flac", "flac"), ("a.wav", "pcm_s16le")):
        with av.open(str(tmp_path / name), "w") as made:
            stream = made.add_stream(codec, rate=44100, layout="stereo")
            frame = av.AudioFrame.from_ndarray(np.stack([tone, tone]), format="fltp", layout="stereo")
            frame.sample_rate = 44100
            for part in av.AudioResampler(format=stream.format, layout="stereo", rate=44100).resample(frame):
                made.mux(stream.encode(part))
            made.mux(stream.encode())
        heard = media.load_audio(tmp_path / name)
        assert abs(len(heard) - 16000) < 1500 and heard.dtype == np.float32
        spectrum = np.abs(np.fft.rfft(heard))
        assert spectrum.argmax() * 16000 / len(heard) == pytest.approx(440, abs=3)
        assert np.abs(heard).max() == pytest.approx(0.5, abs=0.05)
