"""What the machine does while a run goes on.

A sibling process (:mod:`harness.telemetry.sampler`) samples host and GPUs; the supervisor
holds it by :class:`harness.telemetry.recording.Sampler`. What it has seen becomes
``series.parquet`` (:mod:`harness.telemetry.series`) and the record's summary
(:mod:`harness.telemetry.summary`). Importing this package imports nothing else.
"""
