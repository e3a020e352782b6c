"""A request to stop, set by a signal handler and looked at between two training calls."""

import threading


class StopRequest:
    """Tells a running loop that a signal asks it to stop.

    A loop that is `listening` writes a checkpoint and ends with `exit_status`; where none listens,
    the signal handler ends the process itself.
    """

    def __init__(self) -> None:
        """Start without a request."""
        self._event = threading.Event()
        self._listeners = 0
        self.signal_number = 0

    def __enter__(self) -> "StopRequest":
        """Begin to listen."""
        self._listeners += 1
        return self

    def __exit__(self, *_: object) -> None:
        """End listening."""
        self._listeners -= 1

    @property
    def listening(self) -> bool:
        """Whether a loop looks at this request."""
        return self._listeners > 0

    @property
    def pending(self) -> bool:
        """Whether a stop was asked for."""
        return self._event.is_set()

    @property
    def exit_status(self) -> int:
        """Exit status of a process that a signal ended, 128 + its number."""
        return 128 + self.signal_number

    def ask(self, signal_number: int) -> None:
        """Ask the loop to stop, as the signal with this number."""
        self.signal_number = signal_number
        self._event.set()

    def clear(self) -> None:
        """Forget the request."""
        self._event.clear()
        self.signal_number = 0


STOP = StopRequest()
"""The request of this process."""
