"""One report with everything except samples, and its page, which many tests look at."""

import pytest

from charloop.data import Vocabulary
from charloop.report import Report, render_page
from report.networks import LONG, SENTENCE, report_of


@pytest.fixture(scope="session")
def whole_report(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Vocabulary]:
    return report_of(tmp_path_factory.mktemp("runs") / "whole", LONG, training=SENTENCE * 9)


@pytest.fixture(scope="session")
def whole(whole_report: tuple[Report, Vocabulary]) -> str:
    return render_page(*whole_report)
