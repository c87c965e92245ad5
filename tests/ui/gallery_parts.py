"""A real database with real small pictures, for the tests of every view of them."""

from PIL import Image

from desktop.messages import GenerationRequest
from desktop.settings import Folders
from desktop.store.database import Database
from desktop.store.history import History
from desktop.store.kinship import Kinship
from desktop.store.pictures import Pictures
from desktop.store.thumbs import Thumbnails


class Shelf:
    """Everything the store has, in one folder. trashed: paths that went to the trash."""

    def __init__(self, root):
        self.folders = Folders(root=root)
        self.folders.make()
        self.database = Database(self.folders.database)
        self.trashed = []
        self.pictures = Pictures(self.database, self.folders, self.trashed.append)
        self.kinship = Kinship(self.database, self.pictures)
        self.history = History(self.database)
        self.thumbs = Thumbnails(self.folders.thumbnails)

    def save(self, prompt="a red apple", seed=1, size=(24, 16), **more):
        request = GenerationRequest(prompt=prompt, seed=seed, width=size[0], height=size[1], **more)
        colour = (seed * 37 % 256, seed * 91 % 256, 120)
        return self.pictures.save(request, Image.new("RGB", size, colour), 0.5, {})
