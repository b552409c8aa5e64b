"""Evaluation: how well answers match the truth, with 95 % intervals, and where a model errs.

score, compare                          texts and formulas: CER, NED, BLEU, exact match; before and after
score_molecules, compare_molecules      SMILES: exact match, validity, Tanimoto similarity, CER
score_tables, compare_tables            HTML tables: TEDS
rows                                    one row a sample, the worst first
confusions, accuracy_by, reliability, calibration_error       which tokens, which samples, and does it know
Comparison, Interval                    what compare and score return
"""

from helpers.evaluation.bootstrap import Comparison, Interval
from helpers.evaluation.error_analysis import accuracy_by, calibration_error, confusions, reliability
from helpers.evaluation.molecules import compare_molecules, score_molecules
from helpers.evaluation.tables import compare_tables, score_tables
from helpers.evaluation.text import compare, rows, score
