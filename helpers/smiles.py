"""Molecules written as SMILES: the fence around an answer, and how well predicted molecules match the truth.

An answer looks as in GLM-OCR's example data: SMILES between a line with three backticks and ``rdkit``, and a line with
three backticks. Two SMILES of one molecule can be spelt differently, so they are compared in RDKit's canonical form.
"""

import re
from functools import partial

from helpers import bootstrap
from helpers.bootstrap import Comparison, Interval
from helpers.evaluate import edits, error_rate, normalise

FENCE = re.compile(r"```rdkit(?=\s|\Z)(.*?)(?:```|\Z)", re.DOTALL)
RADIUS, BITS = 2, 2048  # of the Morgan fingerprint; radius 2 is known as ECFP4


def fence(smiles: str) -> str:
    """``smiles`` as the answer a model learns to write."""
    return f"```rdkit\n{smiles}\n```"


def unfence(text: str) -> str:
    """What stands in the first ``rdkit`` fence of ``text``, stripped; a fence that never closes reaches to the end.

    Text around the fence and further fences are ignored. Without such a fence: all of the text, stripped.
    """
    found = FENCE.search(text)
    return (found[1] if found else text).strip()


def canonical(smiles: str) -> str | None:
    """RDKit's canonical SMILES, or None where ``smiles`` is no molecule: empty, or RDKit cannot parse it.

    Spelling, aromatic or Kekulé form, the order of salts' parts, written-out hydrogens and atom-map numbers make no
    difference; stereo marks (@, /, \\), charges, isotopes and tautomers do.
    White space inside makes it no molecule: RDKit itself would read "C is the answer" as methane called "is".
    """
    from rdkit import Chem

    molecule = parse(smiles)
    return None if molecule is None else Chem.MolToSmiles(molecule)


def parse(smiles: str):
    """The molecule as RDKit's ``Mol`` without atom-map numbers, or None; see ``canonical``."""
    from rdkit import Chem, rdBase

    smiles = smiles.strip()
    if not smiles or not smiles.isascii() or re.search(r"\s", smiles):
        return None
    with rdBase.BlockLogs():  # RDKit writes each fault to stderr; here the answer None says it
        molecule = Chem.MolFromSmiles(smiles)
        if molecule is None or not any(atom.GetAtomMapNum() for atom in molecule.GetAtoms()):
            return molecule
        for atom in molecule.GetAtoms():
            atom.SetAtomMapNum(0)
        return Chem.MolFromSmiles(Chem.MolToSmiles(molecule))  # without numbers, fewer atoms may be stereocentres


def score(predictions: list[str], truths: list[str], seed: int = 0) -> dict[str, Interval]:
    """Measure predicted answers against true ones, both with or without fence (the same length and order).

    - ``exact_match``: the fraction whose canonical SMILES equals that of the truth, stereo marks included.
    - ``validity``: the fraction that RDKit can parse and that is not empty.
    - ``tanimoto``: mean Tanimoto similarity of the Morgan fingerprints (Rogers & Hahn 2010; radius 2, 2048 bits), an
      invalid answer counting 0. These fingerprints do not see stereo marks: mirror images have similarity 1.
    - ``cer``: edit distance of the SMILES inside the fences as they are written, summed, / characters of all true
      ones. So another spelling of the right molecule is an error here, though an exact match. Not clipped.

    ``helpers.bootstrap.score`` says what the intervals mean.
    Raises ValueError when the lengths differ, there are no samples, or a truth is no molecule (the row is named).
    """
    return bootstrap.score(_measures(predictions, truths), len(truths), seed)


def compare(task: str, before: list[str], after: list[str], truths: list[str], seed: int = 0) -> Comparison:
    """Score the predictions made ``before`` and ``after`` training on the same samples; see ``score`` for errors."""
    return bootstrap.compare(task, _measures(before, truths), _measures(after, truths), len(truths), seed)


def same(prediction: str, truth: str) -> bool:
    """True if both answers, fenced or not, are the same molecule."""
    found = canonical(unfence(prediction))
    return found is not None and found == canonical(unfence(truth))


def _measures(predictions, truths):
    """The four measures as a function of the weights of the samples."""
    bootstrap.check_pairs(predictions, truths)
    bad = [f"row {row} {normalise(text)!r:.80}" for row, text in enumerate(truths) if canonical(unfence(text)) is None]
    if bad:
        raise ValueError(f"no molecule that RDKit can parse in truth {'; '.join(bad)} (counted from 0): mend or remove")
    return partial(_weighted, _counts(predictions, truths))


def _counts(predictions, truths):
    """Per sample, as float arrays: exact_match, validity and tanimoto (n,); cer (n, 2) distance and truth length."""
    import numpy as np

    predictions, truths = ([unfence(text) for text in texts] for texts in (predictions, truths))
    found = [canonical(smiles) for smiles in predictions]
    right = [canonical(smiles) for smiles in truths]
    return {
        "exact_match": np.array([a == b for a, b in zip(found, right, strict=True)], float),
        "validity": np.array([smiles is not None for smiles in found], float),
        "tanimoto": np.array([tanimoto(a, b) if a else 0.0 for a, b in zip(found, right, strict=True)]),
        "cer": edits(predictions, truths),
    }


def tanimoto(first: str, second: str) -> float:
    """Shared bits / bits of either in the Morgan fingerprints of two valid SMILES: 1 for like, 0 for nothing shared."""
    from rdkit import DataStructs
    from rdkit.Chem import rdFingerprintGenerator

    generator = rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS)
    return DataStructs.TanimotoSimilarity(*(generator.GetFingerprint(parse(smiles)) for smiles in (first, second)))


def _weighted(counts, weights):
    """Each measure, (resamples,), on samples drawn as often as ``weights`` (resamples, n) says."""
    means = {name: weights @ counts[name] / weights.shape[1] for name in ("exact_match", "validity", "tanimoto")}
    return means | {"cer": error_rate(weights, counts["cer"])}
