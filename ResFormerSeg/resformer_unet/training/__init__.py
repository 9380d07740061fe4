"""Training: from a data set to a model bundle (needs the optional extra ``train``)."""
