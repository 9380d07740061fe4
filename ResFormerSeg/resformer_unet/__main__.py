"""``python -m resformer_unet``: the same as the command ``resformer-unet``."""

import sys

from resformer_unet.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
