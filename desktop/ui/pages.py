"""Pages of which one is seen; each is made when it is first looked at."""

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QStackedWidget, QWidget


class Pages(QStackedWidget):
    """makers: one for each page, in order; called at most once. One that gives None is asked again."""

    def __init__(self, makers: Sequence[Callable[[], QWidget | None]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._makers = list(makers)
        self._made: dict[int, QWidget] = {}
        for _ in makers:
            self.addWidget(QWidget(self))

    def made(self, index: int) -> QWidget | None:
        """The page where it was looked at already, else None."""
        return self._made.get(index)

    def show_page(self, index: int) -> None:
        if index not in self._made and (page := self._makers[index]()) is not None:
            self._made[index] = page
            placeholder = self.widget(index)
            self.removeWidget(placeholder)
            placeholder.deleteLater()
            self.insertWidget(index, page)
        self.setCurrentIndex(index)
