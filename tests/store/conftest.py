import pytest
from PIL import Image

from desktop.messages import GenerationRequest
from desktop.settings import Folders
from desktop.store.database import Database
from desktop.store.pictures import Pictures


@pytest.fixture
def folders(tmp_path):
    folders = Folders(root=tmp_path / "data")
    folders.make()
    return folders


@pytest.fixture
def database(folders):
    database = Database(folders.database)
    yield database
    database.close_all()


@pytest.fixture
def trashed():
    """Paths that went to the trash, in order."""
    return []


@pytest.fixture
def pictures(database, folders, trashed):
    def trash(path):
        from pathlib import Path

        trashed.append((path, Path(path).read_bytes()))
        Path(path).unlink()

    return Pictures(database, folders, trash)


@pytest.fixture
def request_of():
    def make(prompt="a red apple", seed=42, **more):
        return GenerationRequest(prompt=prompt, seed=seed, **more)

    return make


@pytest.fixture
def image():
    picture = Image.new("RGB", (24, 16), "white")
    for x in range(24):
        for y in range(16):
            picture.putpixel((x, y), (x * 10, y * 15, (x * y) % 256))
    return picture
