"""``make check sync tour outputs readme nbval``: both languages in step, lessons run, results in the READMEs.

python -m helpers.course check      names all that is out of step between the languages, and changes nothing
python -m helpers.course sync       copies code from one language to the other, marks translations as up to date
python -m helpers.course tour       runs the lessons offline, in tiny mode; HTML pages and tour.json in build/
       … tour --mode real           with official weights, from the hub or --models-dir; tour-real.json
python -m helpers.course order      names the lessons, in the order in which to begin them
python -m helpers.course outputs    runs the lessons of both languages and keeps their outputs in the notebooks
python -m helpers.course readme     puts the results that the notebooks show into both READMEs
"""

import argparse
import os
import sys
from pathlib import Path

from helpers.course.check import check
from helpers.course.notebooks import LANGUAGES, lesson_names
from helpers.course.report import table, write_readmes
from helpers.course.sync import sync
from helpers.course.tour import in_order, keep_outputs, lesson_paths, tour
from helpers.paths import ROOT, short

OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}


def main(arguments=None) -> int:
    """Run one command; returns its exit status: 0, 1 for problems found, 2 for wrong arguments, 130 when stopped."""
    given = _parser().parse_args(arguments)
    if given.mode == "tiny" or given.models_dir:
        os.environ.update(OFFLINE)
    try:
        return COMMANDS[given.command](given)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; the kernel is shut down, the notebooks are as they were", file=sys.stderr)
        return 130


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m helpers.course", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--notebooks", type=Path, default=ROOT / "notebooks", help="folder that holds en/ and zh/")
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="where pages, results and lessons' files go")
    parser.add_argument("--from", dest="source", choices=LANGUAGES, help="sync: take all code from this language")
    parser.add_argument("--same", nargs="*", default=[], help="sync: LESSON/CELL whose translation still stands")
    parser.add_argument("--language", choices=LANGUAGES, help="tour: en unless given; outputs: both unless given")
    parser.add_argument("--mode", choices=("tiny", "real"), default="tiny", help="tour: real takes official weights")
    parser.add_argument("--models-dir", type=Path, help="tour --mode real: folder of checkpoints, instead of the hub")
    parser.add_argument("--lessons", nargs="*", default=[], help="names such as 06_qwen2_vl_lora; all unless given")
    return parser


def _check(given) -> int:
    return _tell(check(given.notebooks), given.notebooks)


def _sync(given) -> int:
    return _tell(sync(given.notebooks, source=given.source, same=given.same), given.notebooks)


def _tell(problems: list[str], notebooks: Path) -> int:
    lessons = len(lesson_names(notebooks))
    print("\n".join(problems) or f"{lessons} lessons, {' and '.join(LANGUAGES)}: in step")
    return 1 if problems else 0


def _tour(given) -> int:
    real = None
    if given.mode == "real":
        real = {"models_dir": str(given.models_dir.resolve())} if given.models_dir else {}
    rows = tour(given.notebooks, given.language or "en", given.lessons, given.build, real)
    print(f"\n{table(rows)}\n\npages and {'tour.json' if real is None else 'tour-real.json'}: {short(given.build)}/")
    return _status(rows)


def _order(given) -> int:
    print(*(path.stem for path in in_order(lesson_paths(given.notebooks, "en", given.lessons))), sep="\n")
    return 0


def _outputs(given) -> int:
    languages = [given.language] if given.language else LANGUAGES
    return max(_status(keep_outputs(given.notebooks, name, given.lessons, given.build)) for name in languages)


def _status(rows: list[dict]) -> int:
    return 1 if any("error" in row for row in rows) else 0


def _readme(given) -> int:
    write_readmes(ROOT)
    return 0


COMMANDS = {"check": _check, "sync": _sync, "order": _order, "tour": _tour, "outputs": _outputs, "readme": _readme}

if __name__ == "__main__":
    sys.exit(main())
