"""Start TensorFlow with all that decides the bits of a result."""

from types import ModuleType

from outofcore.errors import ConfigurationError


def start_keras(threads: int, precision: str = "float32", seed: int | None = None) -> ModuleType:
    """Import Keras and set threads, precision and seed.

    The number of intra-op threads changes the last bits of the weights, so it is set before
    TensorFlow's first operation and stays what it is for the life of the process.

    Args:
        threads: TensorFlow's intra-op threads.
        precision: Keras dtype policy of layers made or loaded from now on.
        seed: Root of all draws of Keras, TensorFlow, numpy and Python made from now on.

    Returns:
        The module `keras`.

    Raises:
        ConfigurationError: TensorFlow runs already, with another number of threads.
    """
    from outofcore.backend import keras, tf

    running = tf.config.threading.get_intra_op_parallelism_threads()
    if running != threads:
        try:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
        except RuntimeError as error:
            raise ConfigurationError(
                f"training.threads: expected TensorFlow to start with {threads}, found it running with {running}. "
                "Run this pipeline in a process of its own."
            ) from error
    tf.config.experimental.enable_op_determinism()
    # these two passes reassociate products in a plain step and not in one inside a loop, so the last
    # bits differed from fit's (docs/adr/0002); the speed is the same without them
    tf.config.optimizer.set_experimental_options({"constant_folding": False, "arithmetic_optimization": False})
    keras.config.set_dtype_policy(precision)
    if seed is not None:
        keras.utils.set_random_seed(seed % 2**32)
    module: ModuleType = keras
    return module
