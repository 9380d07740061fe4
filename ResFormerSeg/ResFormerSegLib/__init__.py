"""The Slicer side of ResFormerSeg: a volume goes to the engine in its own process, the answer comes back as nodes.

    volume node -> volume_export -> process (JSON lines) -> job -> segmentation_import, diagnosis_table -> result

`job.py` holds the flow and `process.py` the worker; the other files do one step each and know nothing of the process.
Nothing here imports PyTorch, nor the engine: the application and the network never share a process.
"""
