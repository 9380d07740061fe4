"""``python -m resformer_unet.worker``."""

from resformer_unet.worker.main import main

main()
