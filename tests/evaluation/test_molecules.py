"""helpers.evaluation.molecules: every measure by hand; spellings and fences do not count."""

import pytest

from helpers.evaluation import bootstrap, molecules
from helpers.notation import smiles

CAFFEINE = ("CN1C=NC2=C1C(=O)N(C(=O)N2C)C", "Cn1c(=O)c2c(ncn2C)n(C)c1=O")
ASPIRIN = ("CC(=O)OC1=CC=CC=C1C(=O)O", "OC(=O)c1ccccc1OC(C)=O")
L_ALANINE, D_ALANINE = "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"


def values(predictions, truths):
    return {name: interval.value for name, interval in molecules.score_molecules(predictions, truths).items()}


def test_another_spelling_is_an_exact_match_but_not_free_of_character_errors():
    found = values([CAFFEINE[0], ASPIRIN[1]], [CAFFEINE[1], ASPIRIN[0]])
    assert (found["exact_match"], found["validity"], found["tanimoto"]) == (1, 1, 1) and found["cer"] > 0


def test_fences_do_not_count():
    assert values(["CCO"], [smiles.fence("CCO")]) == {"exact_match": 1, "validity": 1, "tanimoto": 1, "cer": 0}


def test_measures_by_hand():
    # right; invalid: 1 edit of 3; wrong: 1 edit of 3, Tanimoto 1/5 as below; empty: 4 edits of 4
    found = values(["CCO", "CC(", "CC", ""], ["CCO", "CCO", "CCC", "CCCO"])
    assert found == pytest.approx({"exact_match": 1 / 4, "validity": 2 / 4, "tanimoto": 1.2 / 4, "cer": 6 / 13})


def test_tanimoto_by_hand():
    # ethane: CH3; CH3 bound to CH3. propane: CH3, CH2; CH3 bound to CH2; CH2 between two CH3. 1 of 5 is in both
    assert molecules.tanimoto("CC", "CCC") == pytest.approx(1 / 5)


def test_tanimoto_of_nothing_in_common_is_zero():
    assert molecules.tanimoto("C", "CC") == 0


def test_tanimoto_does_not_see_stereo_marks_and_exact_match_does():
    found = values([L_ALANINE], [D_ALANINE])
    assert (found["tanimoto"], found["exact_match"]) == (1, 0)


def test_an_invalid_answer_has_similarity_zero():
    assert values(["C1CC"], ["C1CC1"])["tanimoto"] == 0


def test_cer_is_of_the_text_as_written():
    # c1ccccc1 -> C1=CC=CC=C1: 6 letters replaced, 3 signs added, and the ring still closes with 1
    assert values(["C1=CC=CC=C1"], ["c1ccccc1"])["cer"] == pytest.approx(9 / 8)


def test_the_string_na_is_an_answer_like_any_other():
    assert values(["NA"], ["N"]) == {"exact_match": 0, "validity": 0, "tanimoto": 0, "cer": 1}


def test_invalid_truths_are_named():
    with pytest.raises(ValueError, match=r"row 1 'C1CC'; row 3 '```rdkit ```' \(counted from 0\)"):
        molecules.score_molecules(["C"] * 4, ["C", "C1CC", "CC", "```rdkit\n```"])


@pytest.mark.parametrize("truths", [[], ["C", "C"]])
def test_lists_that_do_not_fit_are_refused(truths):
    with pytest.raises(ValueError, match="1 predictions for" if truths else "empty"):
        molecules.score_molecules(["C"][: len(truths)], truths)


def test_comparison_is_that_of_evaluate_and_paired():
    before, truths = ["CC", "CCN", "C1"] * 5, ["CC", "CCO", "CCC"] * 5
    comparison = molecules.compare_molecules("molecules", before, truths, truths)
    assert type(comparison) is bootstrap.Comparison and comparison.n == 15
    assert [row["metric"] for row in comparison.rows()] == ["exact_match", "validity", "tanimoto", "cer"]
    assert comparison.rows()[0] == {
        "task": "molecules", "metric": "exact_match", "before": pytest.approx(1 / 3), "after": 1.0, "n": 15,
    }  # fmt: skip
    assert comparison.change["exact_match"].low > 0


def test_change_of_equal_answers_is_nothing():
    answers = ["CC", "C1", "CCO"] * 4
    change = molecules.compare_molecules("t", answers, answers, ["CC", "CCC", "CCN"] * 4).change
    assert {(c.value, c.low, c.high) for c in change.values()} == {(0.0, 0.0, 0.0)}
