"""From a data set to a model bundle (needs the optional extra ``train``)."""
