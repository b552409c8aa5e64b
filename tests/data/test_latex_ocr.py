"""helpers.data.latex_ocr: pictures come out of parquet files whole, once, and every faulty row is named."""

import io
import json
import sys
import types
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from helpers.data import latex_ocr
from helpers.data.images import open_picture
from helpers.data.latex_ocr import SUBSETS, load_latex_ocr, load_parquet


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


def test_parquet_gives_pictures_and_texts(tmp_path):
    source = write_parquet(tmp_path / "train.parquet", [png(10), png(20)], ["a", "NA"])
    samples = load_parquet(source, tmp_path / "out")
    assert [sample.text for sample in samples] == ["a", "NA"]
    assert [np.asarray(Image.open(sample.file))[0, 0] for sample in samples] == [10, 20]


def test_file_written_by_datasets_is_read(tmp_path):
    import datasets

    features = datasets.Features({"image": datasets.Image(), "text": datasets.Value("string")})
    rows = {"image": [Image.new("L", (9, 7), 30)], "text": ["x _ { 1 }"]}
    datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "d.parquet")
    (sample,) = load_parquet(tmp_path / "d.parquet", tmp_path / "out")
    assert Image.open(sample.file).size == (9, 7) and sample.text == "x _ { 1 }"


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
    grey = np.asarray(Image.open(sample.file).convert("L"))
    assert grey[0, 0] == 0 and grey[1, 3] == 255


def test_cmyk_jpeg_becomes_an_rgb_png(tmp_path):
    source = write_parquet(tmp_path / "t.parquet", [encoded(Image.new("CMYK", (8, 8)), "JPEG")], ["x"])
    (sample,) = load_parquet(source, tmp_path / "out")
    image = Image.open(sample.file)
    assert (image.format, image.mode, image.getpixel((0, 0))) == ("PNG", "RGB", (255, 255, 255))


def test_sixteen_bit_grey_is_scaled_not_cut(tmp_path):
    image = Image.fromarray(np.array([[0, 257, 32896, 65535]] * 2, np.uint16))
    source = write_parquet(tmp_path / "t.parquet", [encoded(image)], ["x"])
    (sample,) = load_parquet(source, tmp_path / "out")
    assert np.asarray(Image.open(sample.file))[0].tolist() == [0, 1, 128, 255]


def test_orientation_mark_of_a_camera_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    source = write_parquet(tmp_path / "t.parquet", [encoded(Image.new("L", (40, 10)), "JPEG", exif=exif)], ["x"])
    (sample,) = load_parquet(source, tmp_path / "out")
    assert Image.open(sample.file).size == (10, 40)


def test_finished_folder_is_used_again(tmp_path):
    source = write_parquet(tmp_path / "t.parquet", [png()], ["x"])
    (sample,) = load_parquet(source, tmp_path / "out")
    sample.file.write_bytes(png(99))
    load_parquet(source, tmp_path / "out")
    assert sample.file.read_bytes() == png(99)


@pytest.mark.parametrize("change", ["limit", "skip", "file", "lost picture"])
def test_folder_made_from_something_else_is_made_anew(tmp_path, change):
    source = write_parquet(tmp_path / "t.parquet", [png(1), png(2)], ["x", "y"])
    samples = load_parquet(source, tmp_path / "out")
    if change == "file":
        write_parquet(source, [png(3), png(4), png(5)], ["k", "l", "m"])
    if change == "lost picture":
        samples[0].file.unlink()
    options = {"limit": {"limit": 1}, "skip": {"skip": [0]}}.get(change, {})
    texts = {"limit": ["x"], "skip": ["y"], "file": ["k", "l", "m"], "lost picture": ["x", "y"]}[change]
    again = load_parquet(source, tmp_path / "out", **options)
    assert [sample.text for sample in again] == texts
    assert len(list((tmp_path / "out" / "images").iterdir())) == len(texts)


@contextmanager
def kill_at(wanted, monkeypatch):
    """Within it the process "is killed" when it opens the picture ``wanted``, bytes."""

    def killed(data):
        if data == wanted:
            raise KeyboardInterrupt
        return open_picture(data)

    with monkeypatch.context() as patch:
        patch.setattr(latex_ocr, "open_picture", killed)
        yield


def test_half_written_folder_of_a_killed_run_is_made_anew(tmp_path, monkeypatch):
    source = write_parquet(tmp_path / "t.parquet", [png(1), png(2), png(3)], ["x", "y", "z"])
    with kill_at(png(3), monkeypatch), pytest.raises(KeyboardInterrupt):
        load_parquet(source, tmp_path / "out")
    assert (tmp_path / "out" / "images" / "000001.png").is_file() and not (tmp_path / "out" / "data.jsonl").exists()
    assert [sample.text for sample in load_parquet(source, tmp_path / "out")] == ["x", "y", "z"]


def test_run_killed_while_making_a_folder_anew_does_not_leave_the_old_rows_as_finished(tmp_path, monkeypatch):
    source = write_parquet(tmp_path / "t.parquet", [png(1), png(2)], ["x", "y"])
    (old,) = load_parquet(source, tmp_path / "out", limit=1)
    with kill_at(png(2), monkeypatch), pytest.raises(KeyboardInterrupt):
        load_parquet(source, tmp_path / "out")
    assert old.file.is_file() and len(load_parquet(source, tmp_path / "out")) == 2


def test_folder_with_other_data_is_never_cleared(tmp_path):
    own = tmp_path / "out" / "images" / "mine.png"
    own.parent.mkdir(parents=True)
    own.write_bytes(png())
    with pytest.raises(FileExistsError, match="other data"):
        load_parquet(write_parquet(tmp_path / "t.parquet", [png()], ["x"]), tmp_path / "out")
    assert own.is_file()


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


def test_what_is_no_parquet_file_is_named(tmp_path):
    whole = write_parquet(tmp_path / "whole.parquet", [png()], ["x"]).read_bytes()
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 8\n"
    for number, data in enumerate((b"", b"<html>403</html>", pointer, whole[:-9], whole[:4] + whole[-300:])):
        (tmp_path / "t.parquet").write_bytes(data)
        with pytest.raises(ValueError, match=r"^t\.parquet: no parquet file, or broken: .* -> download it again$"):
            load_parquet(tmp_path / "t.parquet", tmp_path / f"out{number}")


def test_a_parquet_file_that_would_fill_the_memory_is_refused_by_its_footer(tmp_path, monkeypatch):
    import pyarrow as pa
    from pyarrow import parquet as pq

    source, cells = tmp_path / "t.parquet", [{"bytes": bytes(300_000), "path": ""}]
    pq.write_table(pa.table({"image": cells, "text": ["x"]}), source, compression="zstd")
    monkeypatch.setattr("helpers.data.latex_ocr.MAX_BYTES", 200_000)
    monkeypatch.setattr("pyarrow.parquet.ParquetFile.iter_batches", lambda *a, **b: pytest.fail("read"))
    with pytest.raises(ValueError, match="t.parquet: .* bytes that would become 3"):
        load_parquet(source, tmp_path / "out")


def test_no_path_of_a_row_is_opened(tmp_path):
    (tmp_path / "a.png").write_bytes(png())
    paths = [str(tmp_path / "a.png"), "../a.png", "/etc/passwd", (tmp_path / "a.png").as_uri()]
    source = write_parquet(tmp_path / "t.parquet", [{"bytes": None, "path": path} for path in paths], ["x"] * 4)
    with pytest.raises(ValueError, match="4 faulty rows") as error:
        load_parquet(source, tmp_path / "out")
    assert str(error.value).count("only a path") == 4
    cells = [{"bytes": png(), "path": "../../out_of_here.png"}]
    (sample,) = load_parquet(write_parquet(tmp_path / "u.parquet", cells, ["x"]), tmp_path / "good")
    assert sample.file == tmp_path / "good" / "images" / "000000.png"


def test_a_part_that_is_missing_is_told(tmp_path):
    write_parquet(tmp_path / "LaTeX_OCR" / "data" / "train-00001-of-00003.parquet", [png()], ["x"])
    with pytest.raises(FileNotFoundError, match=r"should be 3 files, and there are train-00001-of-00003\.parquet"):
        load_latex_ocr(hub("local", tmp_path), tmp_path / "out")


def test_record_of_sources_is_json(tmp_path):
    load_parquet(write_parquet(tmp_path / "t.parquet", [png()], ["x"]), tmp_path / "out", limit=5)
    assert json.loads((tmp_path / "out" / "made_from.json").read_text(encoding="utf-8"))["limit"] == 5


# --- LaTeX_OCR --------------------------------------------------------------------------------


def hub(name, folder=None):
    return types.SimpleNamespace(hub=name, models_dir=folder)


def fake_hubs(monkeypatch, root):
    """Stand-ins for the data set clients of both hubs and for require_hub; returns the list of their calls."""
    calls = []

    def snapshot(name, **options):
        calls.append((name, options["allow_patterns"]))
        return str(root)

    monkeypatch.setitem(sys.modules, "modelscope", types.SimpleNamespace(dataset_snapshot_download=snapshot))
    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    monkeypatch.setattr("helpers.hub.require_hub", lambda settings: calls.append("asked"))
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
