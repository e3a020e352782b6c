"""Memory, CPU, disk, network and GPU of the machine, beside the metrics of training."""

import logging
from typing import Any

logger = logging.getLogger(__name__)


class SystemMetrics:
    """Runs MLflow's own monitor for one run, without its fluent calls.

    Args:
        tracking_uri: Address of the store.
        interval_seconds: Time between two samples.
    """

    def __init__(self, tracking_uri: str, interval_seconds: float) -> None:
        self._tracking_uri = tracking_uri
        self._interval_seconds = interval_seconds
        self._monitor: Any = None
        self._broken = False

    @property
    def running(self) -> bool:
        """Whether the monitor samples; it ends by itself when it cannot reach MLflow.

        One that could not even be made counts as running, for there is no use in another try.
        """
        thread = getattr(self._monitor, "_process", None)
        return self._broken or (thread is not None and thread.is_alive())

    def start(self, run_id: str, resume: bool) -> None:
        """Begin to sample, in a daemon thread of MLflow's.

        Args:
            run_id: The MLflow run.
            resume: Whether to go on at the step after the last one that MLflow holds.
        """
        self.stop()
        try:
            from mlflow.system_metrics import system_metrics_monitor

            untyped: Any = system_metrics_monitor
            monitor = untyped.SystemMetricsMonitor(
                run_id,
                sampling_interval=self._interval_seconds,
                resume_logging=resume,
                tracking_uri=self._tracking_uri,
            )
            monitor.start()
        except Exception:  # whatever a driver or a library throws, the run goes on without
            logger.warning("System metrics are not recorded.", exc_info=True)
            self._broken = True
            return
        self._monitor = monitor

    def stop(self) -> None:
        """End sampling. The monitor wakes at once, but may be within a call to the server."""
        if self._monitor is not None:
            self._monitor.finish()
            self._monitor = None
