"""Notation: how answers are written, in LaTeX and in SMILES, and how LaTeX is printed. No models, no data sets.

normalise_latex            a formula in one spelling: what prints the same is written the same
extract_latex              the formula inside an answer: without fences, delimiters, words around it
canonical_smiles           a molecule in RDKit's one spelling, or None
fence, unfence             a molecule between the lines ```rdkit and ```, as models learn to answer
"""

from helpers.notation.latex import normalise_latex
from helpers.notation.latex_answer import extract_latex
from helpers.notation.smiles import canonical_smiles, fence, unfence
