"""Training: from a folder of images, masks and labels to a model bundle (needs the optional extra ``train``)."""
