"""The words that open the window are told as the parser tells them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop import arguments
from desktop.window_words import data_folder

WORDS = st.lists(st.sampled_from(["--data", "--data=", "--data=x", "x", "-x", "generate", "--", "", "--help"]))


@given(argv=WORDS)
def test_what_opens_the_window_does_so_by_the_parser_too(argv):
    plain = data_folder(argv)
    if plain is None:
        return
    parsed = arguments.parse(argv)
    assert (parsed.command, parsed.data, parsed.opened, parsed.self_check) == (None, plain[0], None, False)


@pytest.mark.parametrize(
    ("argv", "data"), [([], (None,)), (["--data", "x"], ("x",)), (["--data=x"], ("x",)), (["generate", "x"], None)]
)
def test_the_plain_ways_to_open_the_window(argv, data):
    assert data_folder(argv) == data
