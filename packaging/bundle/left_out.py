"""What stays out of the bundle although some import statement names it, and why."""

from bundle.reachable import modules_under, transformers_left_out

# Package or module: the reason. All that lies under it stays out with it.
LEFT_OUT = {
    "desktop.training": "making the built-in model needs picture sets, a renderer of drawings and a source tree",
    # Tests and tools of others
    "tests": "this project's own",
    "_pytest": "a test runner",
    "pytest": "a test runner",
    "hypothesis": "a test tool",
    "resvg_py": "draws pictures for training",
    "torch.utils.benchmark": "measures torch",
    "torch.utils.tensorboard": "shows training in a browser",
    "torch.utils.bottleneck": "measures torch",
    "torch.utils.hipify": "translates CUDA sources",
    "torch.utils.viz": "draws memory",
    "torch.distributed.debug": "a web page about training on many machines",
    "transformers.testing_utils": "tests",
    "diffusers.utils.testing_utils": "tests",
    "accelerate.test_utils": "tests",
    "numpy.distutils": "builds extensions",
    "scipy.conftest": "tests",
    "sympy.testing": "tests",
    "setuptools": "installs packages",
    "pip": "installs packages",
    "pkg_resources": "installs packages",
    "wheel": "installs packages",
    "test": "the tests of Python's library",
    "idlelib": "Python's editor",
    "lib2to3": "rewrites old sources",
    "ensurepip": "installs packages",
    "tkinter": "another window toolkit",
    "turtle": "needs tkinter",
    # Compiling networks: torch.compile writes C++ and calls a compiler, which a user's machine has not
    "torch._inductor.codegen": "writes C++ and Triton",
    "torch._inductor.fx_passes": "rewrites what is compiled",
    "torch._inductor.kernel": "templates of what is compiled",
    "torch._inductor.autoheuristic": "tunes what is compiled",
    "torch._inductor.template_heuristics": "tunes what is compiled",
    "triton": "a compiler for graphics cards",
    # Training, conversion, serving, their command lines
    "diffusers.commands": "a command line",
    "huggingface_hub.cli": "a command line",
    "huggingface_hub.commands": "a command line",
    "transformers.cli": "a command line",
    "transformers.exporters": "writes models for other programs",
    "transformers.pipelines": "text, sound and video; the pipelines here are those of diffusers",
    "transformers.trainer": "training",
    "transformers.trainer_jit_checkpoint": "training",
    "transformers.trainer_seq2seq": "training",
    "gguf.scripts": "a command line",
    "networkx": "torch.compile divides graphs with it",
    "hf_xet": "another way of downloading; the program has its own, see desktop/library/hub.py",
    "typer": "command lines of the libraries",
    "rich": "colours in command lines of the libraries",
    "pygments": "colours in command lines of the libraries",
    "pydantic": "web services of the libraries",
    "matplotlib": "draws plots",
    "pandas": "tables",
    "IPython": "an interactive Python",
    # Qt: what no widget here uses
    "PySide6.QtNetwork": "models are fetched without it, off the window's thread",
    "PySide6.QtQml": "another way to describe windows",
    "PySide6.QtQuick": "another way to describe windows",
    "PySide6.QtSql": "the database is Python's own",
    "PySide6.QtTest": "tests",
    "PySide6.QtOpenGL": "pictures are drawn by widgets",
    "PySide6.QtOpenGLWidgets": "pictures are drawn by widgets",
    "PySide6.QtDesigner": "draws windows by hand",
    "PySide6.scripts": "a command line",
}
# Imported by torch.distributed, torch.utils.checkpoint and torch._refs, tests or not.
_OF_TESTS = (
    "torch.testing._internal",
    "torch.testing._internal.common_dtype",
    "torch.testing._internal.logging_tensor",
    "torch.testing._internal.distributed",
    "torch.testing._internal.distributed.fake_pg",
)


def left_out() -> list[str]:
    """Every package and module that stays out, by its full name."""
    of_tests = [name for name in modules_under("torch.testing._internal") if name not in _OF_TESTS]
    return [*LEFT_OUT, *of_tests, *transformers_left_out()]
