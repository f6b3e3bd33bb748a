from __future__ import annotations

import json

from djpkg.check.report import Alternative
from djpkg.render.check_tsv import HEADER
from tests.render.check_reports import GONEQUEUE, OLDFORMS, crowded, finding, hostile, package, render, report, unlisted
from tests.render.samples import FORBIDDEN


def test_each_finding_is_a_line_below_the_header() -> None:
    dead = GONEQUEUE._replace(instead=(Alternative("django-tasks", "your replaced_by"),))
    assert render(report(OLDFORMS, dead, others=unlisted("six")), "tsv") == (
        "severity\trule\tname\tslug\tversion\tfile\tline\tdirect\tvia\tmessage\tnext\tignored\tinstead\n"
        'note\tarchived\tdjango-gonequeue\tdjango-gonequeue\t0.8\tuv.lock\t702\tfalse\t["wagtail-bakery"]\t'
        'the repository was archived on 2024-03-02\treplace it, or maintain a fork\t\t["django-tasks"]\n'
        "fail\tyanked\tdjango-oldforms\tdjango-oldforms\t1.9.0\tuv.lock\t611\ttrue\t[]\t"
        "1.9.0 was yanked on 2026-10-03\t1.9.1 is out and declares Django 5.2\t\t[]\n"
        "note\toutdated\tdjango-oldforms\tdjango-oldforms\t1.9.0\tuv.lock\t611\ttrue\t[]\t"
        "1.9.0 is in use; 1.9.1 is out (2026-10-04)\t\t\t[]\n"
    )


def test_without_findings_the_header_is_there() -> None:
    assert render(report(), "tsv") == "\t".join(HEADER) + "\n"


def test_the_reason_of_an_exception_is_a_column() -> None:
    shown = report(package("django-x", finding("quiet", ignored="vendored")))
    assert render(shown, "tsv").splitlines()[1].split("\t")[HEADER.index("ignored")] == "vendored"


def test_every_line_has_all_columns_whatever_the_texts_contain() -> None:
    for shown in [crowded(), *map(hostile, range(60))]:
        _, *lines = render(shown, "tsv").removesuffix("\n").split("\n")
        assert len(lines) == sum(len(one.findings) for one in shown.packages)
        for line in lines:
            values = line.split("\t")
            assert len(values) == len(HEADER)
            assert isinstance(json.loads(values[HEADER.index("via")]), list)
            assert not FORBIDDEN.search(line.replace("\t", ""))
