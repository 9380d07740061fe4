"""Which tests `make test` and `make test-fast` leave out. The marks are described in pyproject.toml."""

from __future__ import annotations

from collections.abc import Collection

# Folders, files and single tests below Testing; the first that fits a test gives its mark. Each takes over a second of
# processor time.
MARKED = {
    "resformer_unet/sequence/test_prediction.py::test_500_frames_take_no_more_memory_than_20": "long",
    "resformer_unet/batch/test_resumed_predictions.py": "long",
    "resformer_unet/training/test_resume.py": "long",
    "resformer_unet/training/test_several_processes.py": "long",
    "resformer_unet/training/test_train.py::test_the_same_seed_gives_the_same_weights_and_another_seed_others": "long",
    "bed/test_random_actions.py::test_more_seeds": "long",
    "bed/test_odd_environments.py::test_each_oddity_gives_the_same_mask": "long",
    "faults/test_faults.py": "long",
    "ResFormerSegLib/panel/test_learning_loop.py": "long",
    "ResFormerSegLib/panel/test_section_cases.py::test_a_folder_and_what_it_holds_of_an_earlier_session": "long",
    "ResFormerSegLib/panel/test_section_cases.py::test_reloading_the_module_during_a_run_keeps_what_is_done": "long",
    "ResFormerSegLib/panel/test_section_cases.py::test_cancel_says_what_is_kept_and_a_closed_scene_does_too": "long",
    "resformer_unet/learning/test_learn.py::test_a_training_pauses_when_its_program_ends_and_goes_on": "long",
    "resformer_unet/learning/test_learn.py::test_two_programs_that_begin_the_same_training_do_not_mix": "long",
    "extension/test_snippets.py::test_the_tutorials_training_runs_as_it_is_typed": "long",
    "extension/test_snippets.py": "slow",
    "benchmarks/test_ablation.py": "training",
    "benchmarks/test_benchmarks.py::test_the_programs_of_the_whole_job_run_with_the_module_as_it_is": "long",
    "benchmarks/test_benchmarks.py": "slow",
    "ResFormerSegLib/engine": "slow",
    "ResFormerSegLib/live": "slow",
    "ResFormerSegLib/panel": "panel",
    "ResFormerSegLib/cases": "slow",
    "ResFormerSegLib/runs": "slow",
    "bed": "slow",
    "mutants": "slow",
    "resformer_unet/data/test_public_sets.py": "slow",
    "resformer_unet/model/test_onnx_graph.py": "slow",
    "resformer_unet/report/test_dicom_objects.py": "slow",
    "resformer_unet/report/test_report_command.py": "slow",
    "resformer_unet/worker/test_case_commands.py": "slow",
    "resformer_unet/worker/test_commands.py": "slow",
    "resformer_unet/worker/test_result_commands.py": "slow",
    "extension/test_staged_extension.py": "slow",
    "extension/test_sample_data.py": "slow",
    "golden": "slow",
    "resformer_unet/batch/cluster": "cluster",
    "resformer_unet/cli/test_main.py": "slow",
    "resformer_unet/cli/test_surroundings.py": "slow",
    "resformer_unet/image/test_guarded_reading.py": "slow",
    "resformer_unet/data/check/test_check_data.py": "slow",
    "resformer_unet/evaluation/test_report_card.py": "slow",
    "resformer_unet/evaluation/test_surface_distance.py": "slow",
    "resformer_unet/image/test_images.py::test_what_works_on_images_read_elsewhere_does_without_simpleitk": "slow",
    "resformer_unet/image/test_sequence_writing.py::test_slicer_opens_it_as_a_sequence_and_as_a_segmentation": "slow",
    "resformer_unet/image/test_writing.py::test_slicer_loads_names_colours_terminology_layers_and_geometry": "slow",
    "resformer_unet/inference/test_saliency.py": "slow",
    "resformer_unet/inference/backends/test_choice.py": "slow",
    "resformer_unet/model/test_network.py::test_one_mini_batch_can_be_learnt_by_heart": "slow",
    "resformer_unet/model/test_network.py::test_the_network_can_be_exported": "slow",
    "resformer_unet/postprocessing/test_measurements.py::test_a_large_volume_takes_a_few_seconds": "slow",
    "resformer_unet/learning/test_learn.py": "training",
    "resformer_unet/training": "training",
    "resformer_unet/training_set": "slow",
    "resformer_unet/worker/test_main.py": "slow",
    "resformer_unet/worker/test_what_is_missing.py": "slow",
}


def markOf(nodeid: str, fixtures: Collection[str] = ()) -> str | None:
    """The mark of a test, by its id as pytest writes it (from the repository's root) and its fixtures."""
    for place, mark in MARKED.items():
        if nodeid.removeprefix("Testing/").startswith(place):
            return mark
    return "panel" if "openPanel" in fixtures else None
