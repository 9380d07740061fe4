"""``python -m resformer_unet.worker``, or this file by its path: the package need not be on Python's path then."""

import sys
from pathlib import Path

if not __package__:
    folder = Path(__file__).resolve().parent
    # In the place of this folder, whose modules are no modules of their own; Python may have left it out itself.
    sys.path[:] = [str(folder.parents[1]), *(entry for entry in sys.path if entry != str(folder))]

from resformer_unet.worker.main import main  # noqa: E402

main()
