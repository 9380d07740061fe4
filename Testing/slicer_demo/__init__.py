"""The parts of the demonstration `Testing/demo.py`: the image, the picture, the printed tables."""
