"""The command line ``resformer-unet``, one file a command."""
