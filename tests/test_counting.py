from __future__ import annotations

import pytest

from djpkg.text import pluralize


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 requests"), (1, "1 request"), (2, "2 requests"), (1200, "1,200 requests")]
)
def test_one_is_said_of_one_alone(number: int, said: str) -> None:
    assert pluralize(number, "request") == said
