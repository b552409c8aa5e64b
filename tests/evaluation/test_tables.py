"""helpers.evaluation.tables: TEDS by the authors' own example, by hand, and on what models write."""

import pytest

from helpers.evaluation.tables import compare_tables, score_tables, teds


def table(*rows, head=()):
    made = ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in (*head, *rows)]
    split = len(head)
    top = f"<thead>{''.join(made[:split])}</thead>" if head else ""
    return f"<table>{top}<tbody>{''.join(made[split:])}</tbody></table>"


PEAKS = [
    ("MACS [23]", "Uses both a control library and local statistics to minimize bias"),
    ("SICER [14]", "Designed for detecting diffusely enriched regions; for example, histone modification"),
    ("PeakSeq [24]", "Corrects for reference genome mappability and local statistics"),
    ("SISSRs [25]", "High resolution, precise identification of binding-site location"),
    ("F-seq [26]", "Uses kernel density estimation"),
]


def test_value_of_the_authors_own_example():
    # the demonstration notebook in their repository: 0.9781765018607124
    truth = table(*PEAKS, head=[("<b>Name of algorithm</b>", "<b>Notable features</b>")])
    read = truth.replace("algorithm<", "algori<").replace("Notable f", "Notablef")
    read = read.replace("SICER [14]", "SICER [15]").replace("PeakSeq", "PeakSEQ")
    page = "<html><body>{}</body></html>".format
    assert teds(page(read), page(truth)) == pytest.approx(0.9781765018607124, abs=1e-12)
    assert teds(read, truth) == teds(page(read), page(truth)) and teds(read, truth, structure_only=True) == 1


def test_equal_tables_have_similarity_one():
    assert teds(table("ab", "cd"), table("ab", "cd")) == 1


def test_a_changed_cell_costs_its_part_of_the_text():
    # nodes: tbody, tr, 2 td = 4; "abcd" -> "abxd" costs 1/4
    assert teds(table(["abxd", "e"]), table(["abcd", "e"])) == pytest.approx(1 - 1 / 4 / 4)


def test_a_missing_row_costs_all_its_nodes():
    # truth: tbody, 3 tr, 6 td = 10 nodes; one tr and two td are missing
    assert teds(table("ab", "ef"), table("ab", "cd", "ef")) == pytest.approx(1 - 3 / 10)


def test_a_missing_column():
    assert teds(table("a", "c"), table("ab", "cd")) == pytest.approx(1 - 2 / 7)


def test_a_span_that_differs_costs_one_also_in_structure():
    wide, plain = (f"<table><tr><td{x}>a</td><td>b</td></tr></table>" for x in (' colspan="2"', ""))
    assert teds(wide, plain) == teds(wide, plain, structure_only=True) == pytest.approx(1 - 1 / 3)


def test_structure_does_not_see_text():
    assert teds(table("xy"), table("ab"), structure_only=True) == 1 and teds(table("xy"), table("ab")) == 1 - 2 / 4


def test_tags_in_cells_are_signs():
    # <b> a </b> -> a: two of three signs; the larger tree has tbody, tr, td and b
    assert teds(table(["a"]), table(["<b>a</b>"])) == pytest.approx(1 - 2 / 3 / 4)


def test_similarity_is_symmetric():
    assert teds(table("ab", "x"), table("ac", "de")) == teds(table("ac", "de"), table("ab", "x"))


@pytest.mark.parametrize(
    "spelling",
    [
        "<table><tbody>\n  <tr>\n    <td> a </td><td>b  c\n</td></tr></tbody></table>",
        "<table><tbody><tr><th>a</th><td>b c</td></tr></tbody></table>",
        "Here it is: <table class='x'><tbody><tr><td colspan='1'>a</td><td rowspan=x>b c</tr></tbody></table> done",
        "<table><tbody><tr><td>a</td><!-- no --><td>b c",
        "<div><table><tbody><tr><td>a</td><td>b c</td></tr></tbody></table></div><table></table>",
    ],
)
def test_spellings_of_one_table(spelling):
    assert teds(spelling, table(["a", "b c"])) == 1


@pytest.mark.parametrize("text", ["", " ", "no table", "<p>x</p>", "<!-- -->", "|a|b|"])
def test_without_a_table_it_is_zero(text):
    assert teds(text, table("ab")) == 0


def test_an_empty_table():
    assert teds("<table></table>", "<table></table>") == 1 and teds("<table></table>", table("ab")) == 0


def test_means_over_samples():
    found = score_tables([table("xb"), "", table("ab")], [table("ab")] * 3)
    assert found["teds"].value == pytest.approx((3 / 4 + 0 + 1) / 3)
    assert found["teds_structure"].value == pytest.approx(2 / 3)


def test_truths_without_a_table_are_named():
    with pytest.raises(ValueError, match="row 1 "):
        score_tables([table("a")] * 2, [table("a"), "none"])


def test_comparison_is_paired():
    change = compare_tables("t", [table("xb")] * 5, [table("ab")] * 5, [table("ab")] * 5).change["teds"]
    assert (change.value, change.low, change.high) == (0.25, 0.25, 0.25)
