# SPDX-License-Identifier: Apache-2.0
"""The camera's state in Prometheus' text format."""

from contracts.telemetry import Telemetry


def exposition(
    now: Telemetry, *, waiting: int, viewers: int, resident_bytes: int, cpu_seconds: float
) -> str:
    """One sample of each metric."""
    samples: list[tuple[str, str, str, float]] = [
        ("binsight_frames_total", "counter", "Frames looked at", now.frames),
        ("binsight_frames_dropped_total", "counter", "Frames replaced by newer ones", now.dropped),
        ("binsight_frames_bad_total", "counter", "Frames that were no picture", now.bad_frames),
        ("binsight_detections_total", "counter", "Items reported", now.detections),
        ("binsight_detections_waiting", "gauge", "Detections that wait for the broker", waiting),
        ("binsight_fps", "gauge", "Frames per second, last 5 seconds", now.fps),
        ("binsight_latency_p50_ms", "gauge", "From capture to answer, median", now.p50_ms),
        ("binsight_latency_p99_ms", "gauge", "From capture to answer, 99th percentile", now.p99_ms),
        ("binsight_streaming", "gauge", "1 while frames come", now.source_state == "streaming"),
        ("binsight_problem", "gauge", "1 while something is wrong", now.problem is not None),
        ("binsight_model_loaded", "gauge", "1 once a model is in use", now.model is not None),
        ("binsight_viewers", "gauge", "Viewers of the streams", viewers),
        ("binsight_uptime_seconds", "gauge", "Since the program started", now.uptime_s),
        ("process_resident_memory_bytes", "gauge", "Resident memory", resident_bytes),
        ("process_cpu_seconds_total", "counter", "User and system time", cpu_seconds),
    ]
    if now.temperature_c is not None:
        samples.append(
            ("binsight_temperature_celsius", "gauge", "First thermal zone", now.temperature_c)
        )
    lines = []
    for name, kind, text, value in samples:
        lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}", f"{name} {float(value)!r}"]
    if now.model is not None:
        version = now.model.version.replace("\\", r"\\").replace('"', r"\"").replace("\n", " ")
        lines += [
            "# HELP binsight_model_info The model in use",
            "# TYPE binsight_model_info gauge",
            f'binsight_model_info{{version="{version}",digest="{now.model.digest}"}} 1',
        ]
    return "\n".join(lines) + "\n"
