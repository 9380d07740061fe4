"""``python -m resformer_unet``, or this file by its path: the same as the command ``resformer-unet``.

By its path the package need not be on Python's path.
"""

import sys
from pathlib import Path

if not __package__:
    folder = Path(__file__).resolve().parent
    # In the place of this folder, whose modules are no modules of their own; Python may have left it out itself.
    sys.path[:] = [str(folder.parent), *(entry for entry in sys.path if entry != str(folder))]

from resformer_unet.cli.main import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
