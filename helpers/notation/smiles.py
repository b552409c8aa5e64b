"""Molecules written as SMILES: the fence around an answer, and one spelling for each molecule.

An answer looks as in GLM-OCR's example data: SMILES between a line with three backticks and ``rdkit``, and a line with
three backticks. Two SMILES of one molecule can be spelt differently, so they are compared in RDKit's canonical form.
"""

import re

FENCE = re.compile(r"```rdkit(?=\s|\Z)(.*?)(?:```|\Z)", re.DOTALL)
OTHER_FENCE = re.compile(r"```(?:smiles|smi|text|txt|plaintext)?(?=\s|\Z)(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE)


def fence(smiles: str) -> str:
    """``smiles`` as the answer a model learns to write."""
    return f"```rdkit\n{smiles}\n```"


def unfence(text: str) -> str:
    """What stands in the first ``rdkit`` fence of ``text``, stripped; a fence that never closes reaches to the end.

    Text around the fence and further fences are ignored, and so is a thought, up to ``</think>``. Without such a fence:
    what stands in the first one that is named ``smiles`` or ``text`` or not at all; without any, all of the text.
    """
    text = text.rpartition("</think>")[2]
    found = FENCE.search(text) or OTHER_FENCE.match(text, text.find("```"))
    return (found[1] if found else text).strip()


def canonical_smiles(smiles: str) -> str | None:
    """RDKit's canonical SMILES, or None where ``smiles`` is no molecule: empty, or RDKit cannot parse it.

    Spelling, aromatic or Kekulé form, the order of salts' parts, written-out hydrogens and atom-map numbers make no
    difference; stereo marks (@, /, \\), charges, isotopes and tautomers do.
    White space inside makes it no molecule: RDKit itself would read "C is the answer" as methane called "is".
    """
    from rdkit import Chem

    molecule = parse(smiles)
    return None if molecule is None else Chem.MolToSmiles(molecule)


def parse(smiles: str):
    """The molecule as RDKit's ``Mol`` without atom-map numbers, or None; see ``canonical_smiles``."""
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


def same(prediction: str, truth: str) -> bool:
    """True if both answers, fenced or not, are the same molecule."""
    found = canonical_smiles(unfence(prediction))
    return found is not None and found == canonical_smiles(unfence(truth))
