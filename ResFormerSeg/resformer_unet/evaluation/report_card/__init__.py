"""The report card: an evaluation as one HTML page to read and to print (needs the optional extra ``train``)."""
