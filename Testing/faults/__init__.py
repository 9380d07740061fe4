"""Faults for whole jobs, and damaged inputs for every reader: `make faults`, and what came of it: docs/reliability.md.

| file | what |
|---|---|
| `run.py` | the program: faults by job, inputs by reader, the table |
| `plan.py`, `records.py` | which fault is injected where, by its number and the seed; what came of each |
| `children.py`, `moments.py` | a job in a process of its own; the moment at which a fault strikes it |
| `surroundings.py` | full disks, little memory, clocks that jump |
| `checks.py` | what must hold afterwards |
| `jobs.py`, `command_line.py`, `cluster.py`, `training.py`, `scene.py` | the jobs and their faults |
| `scene_session.py`, `scene_faults.py` | the application with a real scene, in a process of its own; what strikes it |
| `mutations.py`, `damage.py` | damage to bytes and to JSON; to the files of a job |
| `reader_inputs.py`, `reader_calls.py`, `reading.py` | small sound files; what reads them; the process that may die |
"""
