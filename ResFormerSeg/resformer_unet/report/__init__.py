"""The result of a prediction as a page to read and as DICOM objects, made from its JSON report and its masks.

DICOM needs the optional extra ``dicom``.
"""
