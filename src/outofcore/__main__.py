"""Runs the packaged project: `python -m outofcore --conf-source FOLDER`, or `outofcore`."""

import os
from pathlib import Path


def main() -> None:
    """Run the project's `kedro run` outside its repository."""
    # The wheel carries conf/logging.yml, for Kedro looks for it in the working folder alone.
    logging_file = Path(__file__).with_name("logging.yml")
    if logging_file.is_file() and not Path("conf/logging.yml").is_file():
        os.environ.setdefault("KEDRO_LOGGING_CONFIG", str(logging_file))

    # Reader processes import this module, so nothing heavy stands at its top.
    from kedro.framework.project import configure_project

    configure_project("outofcore")

    from outofcore.cli import run

    run(prog_name="outofcore")


if __name__ == "__main__":
    main()
