"""How well predicted molecules match the truth: canonical SMILES, validity, Tanimoto similarity."""

from helpers.evaluation import bootstrap
from helpers.evaluation.bootstrap import Comparison, Interval
from helpers.evaluation.pairs import text_pairs
from helpers.evaluation.text import collapse_spaces, edits, error_rate
from helpers.language import message
from helpers.notation.smiles import canonical_smiles, parse, unfence

RADIUS, BITS = 2, 2048  # of the Morgan fingerprint; radius 2 is known as ECFP4
FROM_SUMS = {"cer": error_rate}


def score_molecules(predictions: list[str], truths: list[str], seed: int = 0) -> dict[str, Interval]:
    """Measure predicted answers against true ones, both with or without fence (the same length and order).

    - ``exact_match``: the fraction whose canonical SMILES equals that of the truth, stereo marks included.
    - ``validity``: the fraction that RDKit can parse and that is not empty.
    - ``tanimoto``: mean Tanimoto similarity of the Morgan fingerprints (Rogers & Hahn 2010; radius 2, 2048 bits), an
      invalid answer counting 0. These fingerprints do not see stereo marks: mirror images have similarity 1.
    - ``cer``: edit distance of the SMILES inside the fences as they are written, summed, / characters of all true
      ones. So another spelling of the right molecule is an error here, though an exact match. Not clipped.

    ``helpers.evaluation.bootstrap.score`` says what the intervals mean.
    Raises ValueError when a truth is no molecule (the row is named), and as ``pairs.text_pairs``.
    """
    return bootstrap.score(_measure(predictions, truths), seed, FROM_SUMS)


def compare_molecules(task: str, before: list[str], after: list[str], truths: list[str], seed: int = 0) -> Comparison:
    """Both scores and their change, from predictions made before and after training; errors as ``score_molecules``."""
    return bootstrap.compare(task, _measure(before, truths), _measure(after, truths), seed, FROM_SUMS)


def _measure(predictions, truths):
    """Per sample: exact_match and validity, bool (n,); tanimoto (n,); cer (n, 2) distance and length of the truth."""
    import numpy as np

    predictions, truths = text_pairs(predictions, truths)
    predictions, smiles = ([unfence(text) for text in texts] for texts in (predictions, truths))
    found, right = ([canonical_smiles(text) for text in texts] for texts in (predictions, smiles))
    bad = [
        message("results.row", row=row, text=f"{collapse_spaces(truths[row])!r:.80}")
        for row, molecule in enumerate(right)
        if molecule is None
    ]
    if bad:
        raise ValueError(message("results.no_molecule", rows="; ".join(bad)))
    return {
        "exact_match": np.array([a == b for a, b in zip(found, right, strict=True)]),
        "validity": np.array([molecule is not None for molecule in found]),
        "tanimoto": np.array([tanimoto(a, b) if a else 0.0 for a, b in zip(found, right, strict=True)]),
        "cer": edits(predictions, smiles),
    }


def tanimoto(first: str, second: str) -> float:
    """Shared bits / bits of either in the Morgan fingerprints of two valid SMILES: 1 for like, 0 for nothing shared."""
    from rdkit import DataStructs
    from rdkit.Chem import rdFingerprintGenerator

    generator = rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS)
    return DataStructs.TanimotoSimilarity(*(generator.GetFingerprint(parse(smiles)) for smiles in (first, second)))
