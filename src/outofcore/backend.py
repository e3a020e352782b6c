"""Import Keras on TensorFlow without TensorFlow's noise.

`from outofcore.backend import keras, tf` is the only way in which this package imports them: what
decides the bits of a result is set here, before TensorFlow starts.
"""

import contextlib
import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator

SETTINGS = {
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",  # errors alone
    "TF_ENABLE_ONEDNN_OPTS": "1",  # on and off differ in the last bits
}
NOISE = re.compile(
    rb"^([IW]\d{4} |WARNING: All log messages|To enable the following instructions|E\d{4} .*failed call to cuInit)"
)


@contextlib.contextmanager
def without_noise() -> Iterator[None]:
    """Hold back what TensorFlow says of itself; other lines on standard error come through."""
    # TensorFlow's C++ code writes to descriptor 2 before any log level is read
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as captured:
        os.dup2(captured.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            captured.seek(0)
            for line in captured:
                if not NOISE.match(line):
                    os.write(2, line)


for _name, _value in SETTINGS.items():
    os.environ.setdefault(_name, _value)

with without_noise():
    import tensorflow as tf  # its own start is noisy too
    import keras  # isort: skip

    tf.config.list_physical_devices()  # which looks for a GPU, and says so where there is none

tf.get_logger().setLevel(logging.ERROR)

__all__ = ["keras", "tf", "without_noise"]
