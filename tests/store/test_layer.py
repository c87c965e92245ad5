import subprocess
import sys


def test_the_store_imports_no_qt_no_torch_no_numpy():
    code = (
        "import sys, desktop.store.pictures, desktop.store.history, desktop.store.saved_queue,"
        " desktop.store.starts, desktop.store.thumbs\n"
        "bad = {'PySide6', 'torch', 'diffusers', 'numpy', 'send2trash'} & {m.split('.')[0] for m in sys.modules}\n"
        "sys.exit(', '.join(bad) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
