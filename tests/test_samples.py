import io
import json
import random
import sys
import types

import numpy as np
import pytest
from PIL import Image

from helpers import parquet
from helpers.samples import SUBSETS, Sample, load_jsonl, load_latex_ocr, load_parquet, split, write_jsonl


def png(colour=0, size=(8, 6), mode="L"):
    buffer = io.BytesIO()
    Image.new(mode, size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def write_parquet(path, pictures, texts):
    """A parquet file with the schema that datasets gives an Image and a string column."""
    import pyarrow as pa
    from pyarrow import parquet as pq

    cells = [data if data is None or isinstance(data, dict) else {"bytes": data, "path": None} for data in pictures]
    image = pa.array(cells, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"image": image, "text": pa.array(texts, pa.string())}), path)
    return path


def make_samples(folder, texts, colours=None):
    (folder / "images").mkdir(parents=True, exist_ok=True)
    samples = []
    for number, text in enumerate(texts):
        path = folder / "images" / f"{number}.png"
        path.write_bytes(png(number if colours is None else colours[number], size=(8, 6 + number // 250)))
        samples.append(Sample(path, text))
    return samples


# --- JSONL ------------------------------------------------------------------------------------

TEXTS = ["x ^ { 2 }", "公式 \\frac", 'a "quoted" \\ back', "NA", "null", "line\u2028separator", "two\nlines", "é\x85"]


def test_jsonl_round_trip_keeps_every_text(tmp_path):
    samples = make_samples(tmp_path, TEXTS)
    write_jsonl(samples, tmp_path / "data.jsonl")
    assert load_jsonl(tmp_path / "data.jsonl") == samples


def test_jsonl_paths_are_relative_so_the_folder_can_move(tmp_path):
    write_jsonl(make_samples(tmp_path / "old", ["a"]), tmp_path / "old" / "data.jsonl")
    (tmp_path / "old").rename(tmp_path / "new")
    assert load_jsonl(tmp_path / "new" / "data.jsonl")[0].image.is_file()


def test_jsonl_is_readable_utf8(tmp_path):
    write_jsonl(make_samples(tmp_path, ["公式"]), tmp_path / "data.jsonl")
    assert "公式" in (tmp_path / "data.jsonl").read_text(encoding="utf-8")


def test_picture_outside_the_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="lies outside"):
        write_jsonl(make_samples(tmp_path / "a", ["x"]), tmp_path / "b" / "data.jsonl")


def test_limit_takes_the_first_rows(tmp_path):
    samples = make_samples(tmp_path, ["a", "b", "c"])
    write_jsonl(samples, tmp_path / "data.jsonl")
    assert load_jsonl(tmp_path / "data.jsonl", limit=2) == samples[:2]


@pytest.mark.parametrize("line", ["{", "[]", "3", '{"image": "a.png"}', '{"image": 1, "text": "x"}', "[" * 100_000])
def test_bad_line_is_named(tmp_path, line):
    (tmp_path / "data.jsonl").write_text('{"image": "a.png", "text": "x"}\n' + line, encoding="utf-8")
    with pytest.raises(ValueError, match=r"data\.jsonl:2: .*find_problems"):
        load_jsonl(tmp_path / "data.jsonl")


def test_gbk_file_is_named_with_its_cure(tmp_path):
    (tmp_path / "data.jsonl").write_bytes('{"image": "a.png", "text": "公式"}'.encode("gbk"))
    with pytest.raises(ValueError, match="not UTF-8 at byte 28 .*gb18030"):
        load_jsonl(tmp_path / "data.jsonl")


def test_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    samples = make_samples(tmp_path, ["a", "b"])
    write_jsonl(samples[:1], tmp_path / "data.jsonl")
    with pytest.raises(UnicodeEncodeError):
        write_jsonl([*samples, Sample(samples[0].image, "\ud800")], tmp_path / "data.jsonl")
    assert load_jsonl(tmp_path / "data.jsonl") == samples[:1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.jsonl", "images"]


def test_write_that_is_killed_before_the_end_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    samples = make_samples(tmp_path, ["a", "b"])
    write_jsonl(samples[:1], tmp_path / "data.jsonl")

    def killed(source, target):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", killed)
    with pytest.raises(KeyboardInterrupt):
        write_jsonl(samples, tmp_path / "data.jsonl")
    assert load_jsonl(tmp_path / "data.jsonl") == samples[:1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.jsonl", "images"]


def test_byte_order_mark_is_not_part_of_the_text(tmp_path):
    (tmp_path / "data.jsonl").write_text('{"image": "a.png", "text": "x"}', encoding="utf-8-sig")
    assert load_jsonl(tmp_path / "data.jsonl")[0].text == "x"


# --- parquet ----------------------------------------------------------------------------------


def test_parquet_gives_pictures_and_texts(tmp_path):
    source = write_parquet(tmp_path / "train.parquet", [png(10), png(20)], ["a", "NA"])
    samples = load_parquet(source, tmp_path / "out")
    assert [sample.text for sample in samples] == ["a", "NA"]
    assert [np.asarray(Image.open(sample.image))[0, 0] for sample in samples] == [10, 20]


def test_file_written_by_datasets_is_read(tmp_path):
    import datasets

    features = datasets.Features({"image": datasets.Image(), "text": datasets.Value("string")})
    rows = {"image": [Image.new("L", (9, 7), 30)], "text": ["x _ { 1 }"]}
    datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "d.parquet")
    (sample,) = load_parquet(tmp_path / "d.parquet", tmp_path / "out")
    assert Image.open(sample.image).size == (9, 7) and sample.text == "x _ { 1 }"


def test_limit_counts_over_all_files(tmp_path):
    files = [write_parquet(tmp_path / f"{i}.parquet", [png(i), png(i + 5)], [f"{i}a", f"{i}b"]) for i in range(3)]
    assert [sample.text for sample in load_parquet(files, tmp_path / "out", limit=3)] == ["0a", "0b", "1a"]


def see_through(mode):
    """A picture whose colour is black everywhere and whose shape is only in its transparency."""
    image = Image.new("RGBA", (4, 2), (0, 0, 0, 0))
    image.putpixel((0, 0), (0, 0, 0, 255))
    return image.convert(mode) if mode != "P" else image.quantize()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_picture_is_laid_over_white(tmp_path, mode):
    source = write_parquet(tmp_path / "t.parquet", [encoded(see_through(mode))], ["x"])
    (sample,) = load_parquet(source, tmp_path / "out")
    grey = np.asarray(Image.open(sample.image).convert("L"))
    assert grey[0, 0] == 0 and grey[1, 3] == 255


def test_cmyk_jpeg_becomes_an_rgb_png(tmp_path):
    source = write_parquet(tmp_path / "t.parquet", [encoded(Image.new("CMYK", (8, 8)), "JPEG")], ["x"])
    (sample,) = load_parquet(source, tmp_path / "out")
    image = Image.open(sample.image)
    assert (image.format, image.mode, image.getpixel((0, 0))) == ("PNG", "RGB", (255, 255, 255))


def test_sixteen_bit_grey_is_scaled_not_cut(tmp_path):
    image = Image.fromarray(np.array([[0, 257, 32896, 65535]] * 2, np.uint16))
    source = write_parquet(tmp_path / "t.parquet", [encoded(image)], ["x"])
    (sample,) = load_parquet(source, tmp_path / "out")
    assert np.asarray(Image.open(sample.image))[0].tolist() == [0, 1, 128, 255]


def test_orientation_mark_of_a_camera_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    source = write_parquet(tmp_path / "t.parquet", [encoded(Image.new("L", (40, 10)), "JPEG", exif=exif)], ["x"])
    (sample,) = load_parquet(source, tmp_path / "out")
    assert Image.open(sample.image).size == (10, 40)


def test_finished_folder_is_used_again(tmp_path):
    source = write_parquet(tmp_path / "t.parquet", [png()], ["x"])
    (sample,) = load_parquet(source, tmp_path / "out")
    sample.image.write_bytes(png(99))
    load_parquet(source, tmp_path / "out")
    assert sample.image.read_bytes() == png(99)


@pytest.mark.parametrize("change", ["limit", "skip", "file", "lost picture"])
def test_folder_made_from_something_else_is_made_anew(tmp_path, change):
    source = write_parquet(tmp_path / "t.parquet", [png(1), png(2)], ["x", "y"])
    samples = load_parquet(source, tmp_path / "out")
    if change == "file":
        write_parquet(source, [png(3), png(4), png(5)], ["k", "l", "m"])
    if change == "lost picture":
        samples[0].image.unlink()
    options = {"limit": {"limit": 1}, "skip": {"skip": [0]}}.get(change, {})
    texts = {"limit": ["x"], "skip": ["y"], "file": ["k", "l", "m"], "lost picture": ["x", "y"]}[change]
    again = load_parquet(source, tmp_path / "out", **options)
    assert [sample.text for sample in again] == texts
    assert len(list((tmp_path / "out" / "images").iterdir())) == len(texts)


def test_half_written_folder_of_a_killed_run_is_made_anew(tmp_path, monkeypatch):
    source = write_parquet(tmp_path / "t.parquet", [png(1), png(2), png(3)], ["x", "y", "z"])
    save = parquet._save

    def killed(image, text, target):
        if text == "z":
            raise KeyboardInterrupt
        return save(image, text, target)

    monkeypatch.setattr(parquet, "_save", killed)
    with pytest.raises(KeyboardInterrupt):
        load_parquet(source, tmp_path / "out")
    assert (tmp_path / "out" / "images" / "000001.png").is_file() and not (tmp_path / "out" / "data.jsonl").exists()
    monkeypatch.setattr(parquet, "_save", save)
    assert [sample.text for sample in load_parquet(source, tmp_path / "out")] == ["x", "y", "z"]


def test_run_killed_while_making_a_folder_anew_does_not_leave_the_old_rows_as_finished(tmp_path, monkeypatch):
    source = write_parquet(tmp_path / "t.parquet", [png(1), png(2)], ["x", "y"])
    (old,) = load_parquet(source, tmp_path / "out", limit=1)
    save = parquet._save

    def killed(image, text, target):
        if text == "y":
            raise KeyboardInterrupt
        return save(image, text, target)

    monkeypatch.setattr(parquet, "_save", killed)
    with pytest.raises(KeyboardInterrupt):
        load_parquet(source, tmp_path / "out")
    monkeypatch.setattr(parquet, "_save", save)
    assert old.image.is_file() and len(load_parquet(source, tmp_path / "out")) == 2


def test_folder_with_other_data_is_never_cleared(tmp_path):
    (own,) = make_samples(tmp_path / "out", ["mine"])
    with pytest.raises(FileExistsError, match="other data"):
        load_parquet(write_parquet(tmp_path / "t.parquet", [png()], ["x"]), tmp_path / "out")
    assert own.image.is_file()


def test_every_faulty_row_is_named_at_once(tmp_path):
    cells = [png(), png(size=(300, 1)), png()[:40], None, {"bytes": None, "path": "a.png"}, png(), b""]
    source = write_parquet(tmp_path / "t.parquet", cells, ["x", "y", "z", "u", "v", None, "w"])
    with pytest.raises(ValueError, match="6 faulty rows") as error:
        load_parquet(source, tmp_path / "out")
    assert [f"row {number} (t.parquet)" in str(error.value) for number in range(7)] == [False] + [True] * 6
    assert len(load_parquet(source, tmp_path / "out", skip=range(1, 7))) == 1


def test_other_columns_are_named(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet as pq

    pq.write_table(pa.table({"picture": [b""], "latex": ["x"]}), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match="columns are picture, latex"):
        load_parquet(tmp_path / "t.parquet", tmp_path / "out")


# --- LaTeX_OCR --------------------------------------------------------------------------------


def hub(name, folder=None):
    return types.SimpleNamespace(hub=name, models_dir=folder)


def fake_hubs(monkeypatch, root):
    """Stand-ins for both hub clients and for require_hub; returns the list of their calls."""
    calls = []

    def snapshot(name, **options):
        calls.append((name, options["allow_patterns"]))
        return str(root)

    monkeypatch.setitem(sys.modules, "modelscope", types.SimpleNamespace(dataset_snapshot_download=snapshot))
    monkeypatch.setitem(sys.modules, "huggingface_hub", types.SimpleNamespace(snapshot_download=snapshot))
    monkeypatch.setattr(parquet, "require_hub", lambda settings: calls.append("asked"))
    return calls


@pytest.mark.parametrize("subset", SUBSETS)
@pytest.mark.parametrize("layout", ["{folder}/train-00000-of-00001.parquet", "{folder}/train/0000.parquet"])
def test_local_folder_laid_out_as_on_the_hub(tmp_path, subset, layout):
    folder = "data" if subset == "default" else subset
    write_parquet(tmp_path / "LaTeX_OCR" / layout.format(folder=folder), [png()], [subset])
    (sample,) = load_latex_ocr(hub("local", tmp_path), tmp_path / "out", subset=subset)
    assert sample.text == subset


@pytest.mark.parametrize(
    ("name", "repository"), [("modelscope", "AI-ModelScope/LaTeX_OCR"), ("huggingface", "linxy/LaTeX_OCR")]
)
def test_hub_is_asked_for_the_files_of_one_subset(tmp_path, monkeypatch, name, repository):
    write_parquet(tmp_path / "hub" / "small" / "test-00000-of-00001.parquet", [png()], ["x"])
    calls = fake_hubs(monkeypatch, tmp_path / "hub")
    load_latex_ocr(hub(name), tmp_path / "out", subset="small", split="test")
    assert calls == ["asked", (repository, ["small/test-*.parquet", "small/test/*.parquet"])]


def test_finished_folder_needs_no_hub(tmp_path, monkeypatch):
    write_parquet(tmp_path / "hub" / "data" / "train-0.parquet", [png()], ["x"])
    calls = fake_hubs(monkeypatch, tmp_path / "hub")
    first = load_latex_ocr(hub("modelscope"), tmp_path / "out")
    calls.clear()
    assert load_latex_ocr(hub("modelscope"), tmp_path / "out") == first and not calls


def test_unknown_subset_is_named_with_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match="no subset 'full' .*human_handwrite_print"):
        load_latex_ocr(hub("modelscope"), tmp_path, subset="full")


def test_missing_split_lists_what_is_there(tmp_path):
    write_parquet(tmp_path / "LaTeX_OCR" / "data" / "train-0.parquet", [png()], ["x"])
    with pytest.raises(FileNotFoundError, match=r"it holds: data/train-0\.parquet"):
        load_latex_ocr(hub("local", tmp_path), tmp_path / "out", split="test")


def test_local_hub_without_a_folder_says_what_to_set(tmp_path):
    with pytest.raises(ValueError, match="set models_dir"):
        load_latex_ocr(hub("local"), tmp_path)


# --- splitting --------------------------------------------------------------------------------


def contents(samples):
    return {" ".join(s.text.split()) for s in samples} | {s.image.read_bytes() for s in samples}


@pytest.mark.parametrize("seed", range(25))
def test_no_text_and_no_picture_is_on_both_sides(tmp_path, seed):
    rng = random.Random(seed)
    texts = [rng.choice(["a  b", "a b", " a\tb\n", "c"] + [f"t{i}" for i in range(60)]) for _ in range(80)]
    samples = make_samples(tmp_path, texts, colours=[rng.randrange(120) for _ in texts])
    train, test = split(samples, test_count=20, seed=seed)
    assert not contents(train) & contents(test)
    assert sorted(map(str, train + test)) == sorted(map(str, samples)) and train and test


def test_chain_of_shared_text_and_picture_stays_together(tmp_path):
    samples = make_samples(tmp_path, ["a", "a", "b", "b", "c"], colours=[1, 2, 2, 3, 4])
    for seed in range(10):
        train, test = split(samples, test_count=1, seed=seed)
        assert [sample.text for sample in test] == ["c"] and len(train) == 4


def test_test_count_is_exact_where_single_samples_allow(tmp_path):
    samples = make_samples(tmp_path, [f"t{i // 3 if i < 30 else i}" for i in range(100)])
    for wanted in (1, 7, 50, 99):
        assert len(split(samples, test_count=wanted)[1]) == wanted


@pytest.mark.parametrize(("sizes", "wanted", "best"), [((3, 3, 4), 6, 6), ((5, 5, 5), 6, 5), ((4, 7), 1, 4)])
def test_nearest_count_that_whole_groups_allow(tmp_path, sizes, wanted, best):
    texts = [f"group {number}" for number, size in enumerate(sizes) for _ in range(size)]
    samples = make_samples(tmp_path, texts)
    for seed in range(6):
        assert len(split(samples, test_count=wanted, seed=seed)[1]) == best


def test_same_seed_same_split_other_seed_other_split(tmp_path):
    samples = make_samples(tmp_path, [f"t{i}" for i in range(40)])
    assert split(samples, test_fraction=0.25, seed=1) == split(samples, test_fraction=0.25, seed=1)
    assert split(samples, test_fraction=0.25, seed=1) != split(samples, test_fraction=0.25, seed=2)


def test_duplicates_are_not_always_on_one_side(tmp_path):
    samples = make_samples(tmp_path, ["twin", "twin"] + [f"t{i}" for i in range(20)])
    sides = {"twin" in [s.text for s in split(samples, test_count=10, seed=seed)[1]] for seed in range(20)}
    assert sides == {True, False}


def test_split_says_what_it_did_only_if_asked(tmp_path, capsys):
    samples = make_samples(tmp_path, ["a", "a", "b", "c"])
    split(samples, test_count=1)
    assert capsys.readouterr().out == ""
    split(samples, test_count=1, verbose=True)
    assert capsys.readouterr().out == "4 samples in 3 groups: 3 train, 1 test (wanted 1)\n"


@pytest.mark.parametrize("sizes", [{}, {"test_count": 0}, {"test_count": 3}, {"test_fraction": 0.5, "test_count": 1}])
def test_impossible_test_size_is_refused(tmp_path, sizes):
    with pytest.raises(ValueError, match="test"):
        split(make_samples(tmp_path, ["a", "b", "c"]), **sizes)


def test_samples_that_all_hang_together_cannot_be_split(tmp_path):
    with pytest.raises(ValueError, match="without a leak"):
        split(make_samples(tmp_path, ["yes", "yes", "yes"]), test_count=1)


def test_record_of_sources_is_json(tmp_path):
    load_parquet(write_parquet(tmp_path / "t.parquet", [png()], ["x"]), tmp_path / "out", limit=5)
    assert json.loads((tmp_path / "out" / "made_from.json").read_text(encoding="utf-8"))["limit"] == 5
