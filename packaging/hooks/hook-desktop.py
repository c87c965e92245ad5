"""The program itself: most of it is imported when it is first used, some of it by name."""

from bundle.left_out import left_out
from bundle.reachable import modules_under

hiddenimports = modules_under("desktop", left_out())
