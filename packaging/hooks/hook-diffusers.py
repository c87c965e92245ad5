"""diffusers: every pipeline, network and scheduler, as a model's folder may name any of them.

There is no hook for it elsewhere. It imports by name, so its modules are named here.
"""

from bundle.left_out import left_out
from bundle.reachable import modules_under

hiddenimports = modules_under("diffusers", left_out())
