"""The paper's numbers agree with each other."""

from tcwae.config.scores import PAPER
from tcwae.report import paper


def test_settings_of_table_1_have_the_gamma_of_table_5():
    for row in paper.TABLE_1A + paper.TABLE_1B:
        key = (row.dataset, row.method, row.cost)
        assert (key in paper.TABLE_5) == row.method.startswith("tcwae")
        if key in paper.TABLE_5:
            assert row.setting["gamma"] == paper.TABLE_5[key]


def test_each_row_has_all_scores_and_is_found_by_its_key():
    for row in paper.TABLE_1A + paper.TABLE_1B:
        assert list(row.scores) == list(PAPER)
        assert paper.find(row.dataset, row.method, row.cost) is row
    assert len(paper.TABLE_1A) == 5
    assert len(paper.TABLE_1B) == 9
    assert paper.find("dsprites", "tcwae_mws", "l1") is None


def test_printed_scores_are_read_as_numbers():
    score = paper.find("dsprites", "tcwae_gan", "cross_entropy").scores["sap"]
    assert (score.text, score.mean, score.sd) == ("0.071 ± .025", 0.071, 0.025)
