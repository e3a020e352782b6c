"""Runs the packaged project: `python -m outofcore --conf-source FOLDER`, or `outofcore`."""


def main() -> None:
    """Run the project's `kedro run` outside its repository."""
    # Reader processes import this module, so nothing heavy stands at its top.
    from kedro.framework.project import configure_project

    configure_project("outofcore")

    from outofcore.cli import run

    run(prog_name="outofcore")


if __name__ == "__main__":
    main()
