"""What this program is, and whose work is in it."""

from PySide6.QtCore import QCoreApplication, qVersion
from PySide6.QtWidgets import QLabel, QWidget

from desktop.ui import theme
from desktop.ui.overlay import Overlay


class AboutOverlay(Overlay):
    def __init__(self, version: str, parent: QWidget) -> None:
        super().__init__(QCoreApplication.translate("Overlay", "About Safelight"), parent)
        lines = (
            ("", self.tr("Version {0}, with Qt {1}").format(version, qVersion())),
            (
                "",
                self.tr("A safelight is the lamp of a darkroom: the light in which you watch a picture develop."),
            ),
            (
                "quiet",
                self.tr(
                    "Apache License 2.0. Built on PyTorch, diffusers, transformers and Qt for Python. "
                    "Typeface: Inter (Open Font License). Icons: Lucide (ISC). The file NOTICE names them all."
                ),
            ),
        )
        for kind, text in lines:
            label = QLabel(text)
            label.setWordWrap(True)
            label.setFixedWidth(400)
            if kind:
                theme.set_kind(label, kind)
            self.body.addWidget(label)
