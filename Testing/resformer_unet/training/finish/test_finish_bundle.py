"""The figures of an evaluation that a descriptor carries."""

from resformer_unet.training.finish.finish_bundle import headline


def test_the_descriptor_says_which_of_several_segments_is_found_where_there_is_none():
    segmentation = {
        "dice": {"mean": 0.8, "fluid": 0.9, "layer": 0.7},
        "jaccard": {"mean": None},
        "false_positive_rate": 0.5,
        "slice_false_positive_rate": None,
        "segment_false_positive_rate": {"fluid": 0.25, "layer": None},
    }
    figures = headline({"segmentation": segmentation, "diagnosis": {"accuracy": 0.75, "auc": {"normal": 0.875}}})
    assert figures["false_positive_rate"] == 0.5 and figures["false_positive_rate_fluid"] == 0.25
    assert figures["auc_normal"] == 0.875
    assert not {"jaccard_mean", "slice_false_positive_rate", "false_positive_rate_layer"} & set(figures)


def test_one_segment_alone_has_no_rate_beside_that_of_the_model():
    segmentation = {
        "dice": {"mean": 0.8, "lesion": 0.8},
        "jaccard": {},
        "false_positive_rate": 0.1,
        "slice_false_positive_rate": 0.2,
        "segment_false_positive_rate": {"lesion": 0.1},
    }
    figures = headline({"segmentation": segmentation, "diagnosis": None})
    assert {name for name in figures if "false" in name} == {"false_positive_rate", "slice_false_positive_rate"}
