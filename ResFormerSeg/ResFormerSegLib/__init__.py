"""The Slicer side of ResFormerSeg: a volume goes to the engine's worker process, the result comes back as nodes.

    volume node -> scene.volume_export -> engine.process (JSON lines) -> runs.job -> scene.segmentation_import -> result

`runs/job.py` holds the flow; the other packages do one step each and do not depend on the process. PyTorch is never
imported here, nor anything else that a Slicer does not bring along: network and application never share a process. Of
the engine, only modules that need no more than NumPy are used, so that models, slice axes and options follow one rule.
"""
