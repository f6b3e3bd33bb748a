"""One license under several names, and licenses that only look alike."""

from __future__ import annotations

import pytest

from djpkg.model.license_names import find_licenses, is_same_license, names_all, spdx_expression

# Classifiers of PyPI (their last part), SPDX identifiers and common texts, each with the queries that find it.
NAMES: dict[str, str] = {
    # Classifiers.
    "Academic Free License (AFL)": "AFL",
    "Apache Software License": "Apache",
    "Artistic License": "Artistic",
    "BSD License": "BSD",
    "Boost Software License 1.0 (BSL-1.0)": "BSL,BSL-1.0",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0",
    "Common Development and Distribution License 1.0 (CDDL-1.0)": "CDDL",
    "Eclipse Public License 1.0 (EPL-1.0)": "EPL,EPL-1.0",
    "Eclipse Public License 2.0 (EPL-2.0)": "EPL,EPL-2.0",
    "European Union Public Licence 1.1 (EUPL 1.1)": "EUPL,EUPL-1.1",
    "European Union Public Licence 1.2 (EUPL 1.2)": "EUPL,EUPL-1.2",
    "GNU Affero General Public License v3": "AGPL,AGPL-3.0",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL,AGPLv3,AGPL-3.0-or-later",
    "GNU Free Documentation License (FDL)": "GFDL",
    "GNU General Public License (GPL)": "GPL",
    "GNU General Public License v2 (GPLv2)": "GPL,GPLv2,GPL-2.0",
    "GNU General Public License v2 or later (GPLv2+)": "GPL,GPLv2,GPLv2+,GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL,GPLv3,GPL-3.0",
    "GNU General Public License v3 or later (GPLv3+)": "GPL,GPLv3,GPL-3.0-or-later",
    "GNU Lesser General Public License v2 (LGPLv2)": "LGPL,LGPLv2",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL,LGPLv2+",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL,LGPL-3.0",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL,LGPL-3.0-or-later",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 1.1 (MPL 1.1)": "MPL,MPL-1.1",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL,MPL-2.0",
    "Other/Proprietary License": "proprietary",
    "Public Domain": "public domain",
    "Python Software Foundation License": "PSF",
    "The Unlicense (Unlicense)": "Unlicense",
    "Universal Permissive License (UPL)": "UPL",
    "Zero-Clause BSD (0BSD)": "0BSD",
    "Zope Public License": "ZPL",
    "zlib/libpng License": "zlib",
    # SPDX identifiers and expressions.
    "0BSD": "0BSD",
    "AGPL-3.0-only": "AGPL,AGPL-3.0",
    "AGPL-3.0-or-later": "AGPL,AGPLv3+",
    "Apache-2.0": "Apache,Apache-2.0",
    "BSD-2-Clause": "BSD,BSD-2-Clause",
    "BSD-3-Clause": "BSD,BSD-3-Clause,New BSD",
    "BSD-3-Clause-Clear": "BSD,BSD-3-Clause-Clear",
    "CC-BY-4.0": "CC-BY-4.0",
    "CC0-1.0": "CC0",
    "EUPL-1.2": "EUPL",
    "GPL-2.0": "GPL,GPLv2",
    "GPL-2.0-only": "GPL,GPLv2,GPL-2.0",
    "GPL-2.0-or-later": "GPL,GPLv2+",
    "GPL-3.0-only": "GPL,GPLv3",
    "GPL-3.0-or-later": "GPL,GPLv3+",
    "GPL-2.0-or-later WITH Classpath-exception-2.0": "GPL",
    "ISC": "ISC",
    "LGPL-2.1-only": "LGPL,LGPL-2.1",
    "LGPL-3.0-or-later": "LGPL,LGPLv3+",
    "MIT": "MIT",
    "MIT-0": "MIT-0",
    "MIT OR Apache-2.0": "MIT,Apache-2.0",
    "MPL-2.0": "MPL",
    "PSF-2.0": "PSF",
    "Unlicense": "Unlicense",
    "WTFPL": "WTFPL",
    "Zlib": "zlib",
    # Texts.
    "Apache 2": "Apache-2.0",
    "Apache License, Version 2.0": "Apache,Apache-2.0",
    "3-Clause BSD": "BSD,BSD-3-Clause",
    "BSD 3 Clause": "BSD,BSD-3-Clause",
    "BSD (3-clause)": "BSD,BSD-3-Clause",
    "New BSD License": "BSD,BSD-3-Clause",
    "Simplified BSD": "BSD,BSD-2-Clause",
    "GNU GPL v3": "GPL,GPLv3",
    "GNU General Public Licence, version 2 or any later version": "GPL,GPLv2+",
    "GNU Public License (v3)": "GPL,GPLv3",
    "GNU Lesser Public License": "LGPL",
    "GNU Lesser GNU Public License v3": "LGPL,LGPLv3",
    "Lesser GNU GPL": "LGPL",
    "Lesser GNU General Public License": "LGPL",
    "GNU L-GPL 3": "LGPL,LGPL-3.0",
    "GNU Affero Public License": "AGPL",
    "Affero GNU General Public License": "AGPL",
    "Affero GPL 3": "AGPL,AGPLv3",
    "GNU/LGPL": "LGPL",
    "Repoze Public License": "",
    "GPL": "GPL",
    "GPLv2+": "GPL,GPLv2",
    "GPL 3.0 or later": "GPL,GPLv3+",
    "GPLv3 (MIT parts)": "GPL,MIT",
    "Lesser GPL": "LGPL",
    "Lesser-GPL": "LGPL",
    "GNU Lesser-GPL": "LGPL",
    "GNU-Lesser-GPL v3": "LGPL,LGPLv3",
    "Affero-GPL": "AGPL",
    "GNU Affero-GPL 3": "AGPL,AGPLv3",
    "'Lesser' GPL": "LGPL",
    '"Lesser" General Public License': "LGPL",
    "\u201cAffero\u201d GPL": "AGPL",
    "GNU_LESSER_GENERAL_PUBLIC_LICENSE": "LGPL",
    "Lesser-General-Public-License": "LGPL",
    "General-Public-License": "GPL",
    "GNU-GPL": "GPL",
    "Mozilla-Public-License 2.0": "MPL,MPL-2.0",
    "MPL 1.1/GPL 2.0/LGPL 2.1": "MPL,GPL,LGPL,GPLv2",
    "The MIT License (MIT)": "MIT",
    "MIT/X11": "MIT",
}
FAMILIES = ("GPL", "LGPL", "AGPL", "BSD", "0BSD", "MIT", "MIT-0", "Apache", "MPL", "EPL", "EUPL", "ISC", "PSF", "CC0")


def test_the_table_has_enough_names() -> None:
    assert len(NAMES) >= 60


@pytest.mark.parametrize(("name", "queries"), NAMES.items())
def test_a_license_is_found_by_its_names_and_by_no_other(name: str, queries: str) -> None:
    wanted = [query for query in queries.split(",") if query]
    for query in wanted:
        assert find_licenses(query), query
        assert names_all(name, find_licenses(query)), query
    found = {family for family in FAMILIES if names_all(name, find_licenses(family))}
    assert found == {query.removesuffix("-2.0") if query == "Apache-2.0" else query for query in wanted} & {*FAMILIES}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("BSD License", "BSD-3-Clause"),
        ("BSD License", "New BSD"),
        ("MIT", "MIT License"),
        ("The MIT License (MIT)", "mit"),
        ("Apache Software License", "Apache-2.0"),
        ("Apache License, Version 2.0", "Apache 2.0"),
        ("GNU General Public License v3 (GPLv3)", "GPL-3.0-only"),
        ("GNU General Public License v2 or later (GPLv2+)", "GPL-2.0-or-later"),
        ("GPL-3.0", "GPL-3.0-or-later"),
        ("GNU Library or Lesser General Public License (LGPL)", "LGPL-2.1-only"),
        ("MIT License or Apache Software License", "Apache-2.0 OR MIT"),
        ("MIT OR (Apache-2.0 OR BSD-3-Clause)", "(bsd-3-clause OR MIT) OR Apache-2.0"),
        ("MIT AND (Apache-2.0 OR ISC)", "(ISC or Apache-2.0) and MIT"),
        ("MIT OR GPL-3.0", "GPL-3.0-only OR MIT"),
        ("GNU Public License v3", "GPL-3.0-only"),
        ("CC-BY-SA-4.0", "cc-by-sa-4.0"),
        ("Beerware", "The  Beerware License"),
        ("Custom licence of Mara", "custom LICENSE of mara"),
    ],
)
def test_two_spellings_of_one_license_are_the_same(one: str, other: str) -> None:
    assert is_same_license(one, other)
    assert is_same_license(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("MIT", "BSD-3-Clause"),
        ("BSD-2-Clause", "BSD-3-Clause"),
        ("BSD", "0BSD"),
        ("BSD-3-Clause", "BSD-3-Clause-Clear"),
        ("GPL-3.0-only", "GPL-3.0-or-later"),
        ("GPLv2", "GPLv3"),
        ("GPL-3.0-only", "LGPL-3.0-only"),
        ("GPL-3.0-only", "AGPL-3.0-only"),
        ("MIT", "MIT OR Apache-2.0"),
        ("MIT AND CC-BY-4.0", "MIT"),
        ("MIT OR GPL-3.0-only", "MIT AND GPL-3.0-only"),
        ("MIT AND (Apache-2.0 OR ISC)", "(MIT AND Apache-2.0) OR ISC"),
        ("GPL-2.0-only", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("CC-BY-4.0", "CC-BY-SA-4.0"),
        ("MIT", "Custom"),
        ("Custom of Mara", "Custom of Otto"),
    ],
)
def test_other_licenses_are_different(one: str, other: str) -> None:
    assert not is_same_license(one, other)
    assert not is_same_license(other, one)


@pytest.mark.parametrize("depth", [30, 31, 199, 900])
def test_a_deeply_nested_expression_is_compared_by_its_licenses(depth: int) -> None:
    nested = f"{'(' * depth}MIT{')' * depth}"
    assert is_same_license(nested, "MIT")
    assert not is_same_license(nested, "Apache-2.0")


@pytest.mark.parametrize("text", ["", "LIMITED", "submit", "3", "stable", "summit", "x" * 5_000, "MIT " * 1_000])
def test_other_and_very_long_texts_name_no_license(text: str) -> None:
    assert find_licenses(text) == frozenset()


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("mit or apache-2.0", "MIT OR Apache-2.0"),
        ("BSD", None),
        ("GPLv3", None),
        ("", None),
        ("(" * 1_000, None),
        ("MIT " * 1_000, None),
    ],
)
def test_only_spdx_expressions_are_normalized(text: str, expression: str | None) -> None:
    assert spdx_expression(text) == expression
