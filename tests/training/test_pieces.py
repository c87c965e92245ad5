import json

import pytest

from desktop.errors import KnownError
from desktop.training import pieces


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "model"
    (made / "unet").mkdir(parents=True)
    (made / "unet" / "weights").write_bytes(bytes(range(256)) * 10)
    (made / "empty").write_bytes(b"")
    return made


def test_what_is_cut_comes_back(folder, tmp_path):
    assert pieces.cut(folder, tmp_path / "cut", size=1000) == 3
    assert max(path.stat().st_size for path in (tmp_path / "cut").glob("*.piece")) == 1000
    assert pieces.join(tmp_path / "cut", tmp_path / "again") == 2
    assert (tmp_path / "again" / "unet" / "weights").read_bytes() == bytes(range(256)) * 10
    assert (tmp_path / "again" / "empty").read_bytes() == b""


@pytest.mark.parametrize("damage", ["missing", "changed", "index", "outside"])
def test_what_is_damaged_on_the_way_is_a_known_error(folder, tmp_path, damage):
    cut = tmp_path / "cut"
    pieces.cut(folder, cut, size=1000)
    index = json.loads((cut / pieces.INDEX).read_text())
    piece = cut / "0001.piece"
    if damage == "missing":
        piece.unlink()
    elif damage == "changed":
        piece.write_bytes(bytes(1000))
    elif damage == "index":
        (cut / pieces.INDEX).write_text('{"pieces": 1, "files": [{}]}')
    else:
        index["files"][0]["path"] = "../outside"
        (cut / pieces.INDEX).write_text(json.dumps(index))
    with pytest.raises(KnownError) as caught:
        pieces.join(cut, tmp_path / "again")
    assert "again" in caught.value.hint and not (tmp_path / "outside").exists()


def test_the_command_says_what_it_wants(capsys):
    assert pieces.main(["fold", "a", "b"]) == 2
    assert "cut FOLDER INTO" in capsys.readouterr().err
