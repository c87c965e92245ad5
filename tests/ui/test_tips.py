"""Titles, paths and prompts come from files and from the hub: a tool tip shows them, and reads no HTML in them."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QHelpEvent, QTextDocument
from PySide6.QtGui import Qt as TextQt
from PySide6.QtWidgets import QApplication, QToolTip, QWidget

from desktop.grids import GridProgress, make_grid, parse_axis
from desktop.messages import AddedFile, Branch, QueueChanged, QueuedJob
from desktop.ui.added_file_row import AddedFileRow
from desktop.ui.branch_chip import BranchChip
from desktop.ui.chooser import Chooser
from desktop.ui.download_card import DownloadCard
from desktop.ui.gallery import Gallery
from desktop.ui.gallery_details import GalleryDetails
from desktop.ui.grid_model import GridModel
from desktop.ui.model_card import ModelCard
from desktop.ui.picture_viewer import PictureViewer
from desktop.ui.queue_model import QueueModel
from desktop.ui.tips import plain_tip
from desktop.ui.top_bar import TopBar
from tests.ui.download_parts import download
from tests.ui.gallery_parts import Shelf
from tests.ui.window_parts import SMALL, request

HTML = 'A <b>bold</b> <img src="file:///etc/x.png"> &lt;fox&gt;'
TIP = Qt.ItemDataRole.ToolTipRole


def shown(tip):
    """The letters that Qt shows for a tool tip."""
    document = QTextDocument()
    document.setHtml(tip) if TextQt.mightBeRichText(tip) else document.setPlainText(tip)
    return document.toPlainText()


def tips_of(widget):
    """What stands in the tool tips of a widget and all in it."""
    return [shown(each.toolTip()) for each in (widget, *widget.findChildren(QWidget)) if each.toolTip()]


@pytest.mark.parametrize("text", [HTML, "a fox", "a < b & c", "", f"{HTML}\nanother line", f"first\n{HTML}"])
def test_a_text_is_shown_letter_by_letter(qapp, text):
    assert shown(plain_tip(text)) == text


def test_an_ordinary_text_stays_as_it_is():
    assert plain_tip("a fox,\n2 < 3 & more") == "a fox,\n2 < 3 & more"


def make_model_card(parent):
    from dataclasses import replace

    return ModelCard(replace(SMALL, title=HTML, path=f"/models/{HTML}"), parent)


def make_download_card(parent):
    return DownloadCard(download(title=HTML), parent)


def make_added_file(parent):
    file = AddedFile(path=f"/loras/{HTML}", kind="lora", title="lora", words=(), wrong=None)
    return AddedFileRow(file, 1.0, parent)


def make_branch_chip(parent):
    chip = BranchChip(parent)
    chip.show_branch(Branch(trunk=request(HTML), step=3))
    return chip


@pytest.mark.parametrize(
    ("make", "count"), [(make_model_card, 2), (make_download_card, 1), (make_added_file, 1), (make_branch_chip, 2)]
)
def test_a_card_shows_what_others_wrote_as_it_is(qtbot, make, count):
    window = QWidget()
    qtbot.addWidget(window)
    assert sum(HTML in tip for tip in tips_of(make(window))) == count


def test_a_drop_down_list_shows_its_whole_text_as_it_is(qtbot, monkeypatch):
    chooser = Chooser("Model")
    qtbot.addWidget(chooser)
    chooser.addItem(HTML * 3)
    chooser.resize(120, 32)
    chooser.show()
    told = []
    monkeypatch.setattr(QToolTip, "showText", lambda place, text, widget: told.append(text))
    middle = QPoint(50, 16)
    QApplication.sendEvent(chooser, QHelpEvent(QHelpEvent.Type.ToolTip, middle, chooser.mapToGlobal(middle)))
    assert [shown(text) for text in told] == [HTML * 3]


def test_lists_show_what_others_wrote_as_it_is(qtbot):
    from dataclasses import replace

    bar = TopBar(("Create",))
    qtbot.addWidget(bar)
    bar.set_models((replace(SMALL, note=HTML),), SMALL.name)
    assert shown(bar.model.itemData(0, TIP)) == HTML
    queue = QueueModel()
    queue.on_queue_changed(QueueChanged(jobs=(QueuedJob(job_id="job0", request=request(HTML), running=False),)))
    assert shown(queue.index(0).data(TIP)) == HTML


def test_the_cells_of_a_grid_show_words_of_the_prompt_as_they_are(qtbot):
    axis = parse_axis("words", "fox, <b>owl</b>")
    grid = GridModel(GridProgress(make_grid(request("a fox"), axis)))
    assert "<b>owl</b>" in shown(grid.headerData(1, Qt.Orientation.Horizontal, TIP))
    assert "<b>owl</b>" in shown(grid.index(0, 1).data(TIP))
    grid.wait()


@pytest.fixture
def gallery(tmp_path, qapp):
    shelf = Shelf(tmp_path / "data")
    gallery = Gallery(shelf.pictures, shelf.thumbs, kinship=shelf.kinship)
    gallery.shelf = shelf
    yield gallery
    gallery.close()
    shelf.database.close_all()


def test_the_gallery_shows_what_others_wrote_as_it_is(qtbot, gallery):
    trunk = gallery.shelf.save(HTML, model=HTML * 3)
    branch = Branch(trunk=trunk.request, step=6)
    record = gallery.shelf.save("pear", model=HTML * 3, branch=branch)
    details = GalleryDetails(gallery)
    qtbot.addWidget(details)
    with qtbot.waitSignal(details.family._reader.done):
        details.show_records([record])
    assert HTML * 3 in tips_of(details)
    assert any(HTML in tip for tip in tips_of(details.family))
    details.family.wait()
    window = QWidget()
    qtbot.addWidget(window)
    viewer = PictureViewer(gallery, window)
    with qtbot.waitSignal(viewer._loader.done):
        viewer.open(trunk, "")
    assert HTML in tips_of(viewer)
    viewer.wait()
