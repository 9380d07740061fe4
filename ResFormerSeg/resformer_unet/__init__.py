"""ResFormer-UNet: one network that segments a lesion or organ and gives a diagnosis, as an ordinary Python package.

The package reads medical images, runs a model bundle on them, writes segmentation and diagnosis, evaluates and trains.
It knows nothing of 3D Slicer: it never imports ``slicer``, ``qt``, ``ctk`` or ``vtk`` (a test enforces it).
Importing the package itself is cheap; torch is loaded only by the modules that need it.

Not a medical device: for research and teaching.
"""

__version__ = "0.1.0"

NOT_FOR_CLINICAL_USE = "Not a medical device. For research and teaching; not for clinical use without expert review."
