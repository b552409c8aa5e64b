"""How much of other people's formulas could the project's grammar have written?

    python tests/reference/formula_coverage.py FOLDER    (FOLDER/data.jsonl: {"image": .., "text": ..} a line)

Prints the share of tokens and of whole formulas whose tokens the grammar knows, the tokens it lacks, lengths, braces
nested at most, and the tokens whose share differs most from ours (per thousand tokens, formulas of ours: 5,000).
"""

import statistics
import sys
from collections import Counter
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[2])]
from helpers.data.samples import load_jsonl  # noqa: E402
from helpers.data.synthetic.grammar import FULL, TOKENS, formula  # noqa: E402


def read_formulas(folder):
    """The tokens of each formula of ``folder/data.jsonl``."""
    return [sample.text.split() for sample in load_jsonl(Path(folder) / "data.jsonl")]


def coverage(formulas, known):
    """(share of tokens that are known, share of formulas of known tokens only, {unknown token: count})."""
    missing = Counter(token for tokens in formulas for token in tokens if token not in known)
    total = sum(map(len, formulas))
    whole = sum(known.issuperset(tokens) for tokens in formulas)
    return 1 - missing.total() / total, whole / len(formulas), missing


def depth(tokens):
    """How many braces are open at once, at most."""
    opened = np.cumsum([(token == "{") - (token == "}") for token in tokens])
    return int(opened.max(initial=0))


def per_thousand(formulas):
    counts = Counter(token for tokens in formulas for token in tokens)
    return {token: 1000 * count / counts.total() for token, count in counts.items()}


def main(folder):
    theirs = read_formulas(folder)
    rng = np.random.default_rng(14)
    ours = [formula(rng, FULL).split() for _ in range(5000)]
    tokens, whole, missing = coverage(theirs, set(TOKENS))
    print(f"{len(theirs)} formulas: {tokens:.2%} of tokens, {whole:.1%} of whole formulas; {len(TOKENS)} kinds known")
    print("missing:", ", ".join(f"{token} {count}" for token, count in missing.most_common()) or "none")
    for name, formulas in (("theirs", theirs), ("ours", ours)):
        lengths, depths = [len(f) for f in formulas], [depth(f) for f in formulas]
        print(f"{name}: tokens quartiles {np.percentile(lengths, (25, 50, 75)).round()}, max {max(lengths)}; ", end="")
        print(f"braces nested {statistics.mean(depths):.2f} in the mean, max {max(depths)}")
    their, our = per_thousand(theirs), per_thousand(ours)
    differing = sorted(their.keys() | our.keys(), key=lambda token: -abs(their.get(token, 0) - our.get(token, 0)))
    print("per thousand, theirs and ours:")
    for token in differing[:40]:
        print(f"  {token:14} {their.get(token, 0):6.1f} {our.get(token, 0):6.1f}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
