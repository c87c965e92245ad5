"""One model on the Models page."""

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from desktop.messages import ModelInfo
from desktop.ui import icons, theme, words
from desktop.ui.elided_label import ElidedLabel
from desktop.ui.tips import plain_tip


class ModelCard(QFrame):
    """Signals: use_clicked(name), folder_clicked(path)."""

    use_clicked = Signal(str)
    folder_clicked = Signal(str)

    def __init__(self, model: ModelInfo, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_kind(self, "card")
        self.model = model
        title = ElidedLabel(self)
        title.setText(model.title)
        title.setToolTip(plain_tip(model.title))
        title.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)  # the badge is right beside it
        theme.set_kind(title, "heading")
        self._badge = QLabel(self.tr("In use"), self)
        theme.set_kind(self._badge, "badge")
        head = QHBoxLayout()
        head.setSpacing(theme.S8)
        head.addWidget(title)
        head.addWidget(self._badge)
        head.addStretch(1)
        facts = [words.family(model.family), words.size(model.bytes), words.pixels(model.width, model.height)]
        if model.builtin:
            facts.insert(0, self.tr("Built in"))
        defaults = self.tr("{0} steps, guidance {1}, {2}").format(
            model.steps, f"{model.guidance_scale:g}", words.scheduler(model.scheduler)
        )
        texts = QVBoxLayout()
        texts.setSpacing(theme.S4)
        texts.addLayout(head)
        for kind, text in (
            ("", model.note),
            ("quiet", " · ".join(facts)),
            ("quiet", self.tr("Starts with {0}").format(defaults)),
        ):
            if text:
                label = QLabel(text, self)
                label.setTextFormat(Qt.TextFormat.PlainText)
                label.setWordWrap(True)
                theme.set_kind(label, kind)
                texts.addWidget(label)
        path = ElidedLabel(self, Qt.TextElideMode.ElideMiddle)
        path.setText(model.path)
        path.setToolTip(plain_tip(model.path))
        theme.set_kind(path, "caption")
        texts.addWidget(path)
        self._use = QPushButton(self.tr("Use"), self)
        self._use.setAccessibleName(self.tr("Use {0}").format(model.title))
        self._use.setMinimumWidth(72)
        self._use.clicked.connect(self._on_use)
        folder = QToolButton(self)
        theme.set_kind(folder, "plain")
        folder.setIcon(icons.icon("folder-open"))
        folder.setFixedSize(theme.CONTROL, theme.CONTROL)
        folder.setToolTip(self.tr("Show the model's folder"))
        folder.setAccessibleName(self.tr("Show the folder of {0}").format(model.title))
        folder.clicked.connect(self._on_folder)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.S16, theme.S12, theme.S12, theme.S12)
        row.setSpacing(theme.S8)
        row.addLayout(texts, 1)
        row.addWidget(folder, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._use, 0, Qt.AlignmentFlag.AlignTop)
        self.set_in_use(False)

    def set_in_use(self, in_use: bool) -> None:
        self._badge.setVisible(in_use)
        self._use.setVisible(not in_use)

    @Slot()
    def _on_use(self) -> None:
        self.use_clicked.emit(self.model.name)

    @Slot()
    def _on_folder(self) -> None:
        self.folder_clicked.emit(self.model.path)
