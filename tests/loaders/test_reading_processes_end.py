"""A process with reader processes ends promptly, however it ends, and they end with it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from reader_processes import alive, blocks_of, mapped, readers_of, wait_until

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}

PARENT = """
import json, sys
import numpy as np
from support import {source}, rows
from outofcore.errors import LoaderError
from outofcore.loaders.readers import open_reader
{before}
reader = open_reader({made}, None, 2, True, {seconds})
try:
    reader.read(np.arange({count}), 0)
    print("read", flush=True)
except LoaderError as error:
    print(error, flush=True)
{after}
"""


def parent(source: str, count: int, after: str = "", seconds: float = 60.0, before: str = "", made: str = "") -> str:
    """A script with a reader; in a file, a plain pool would run it again in every child."""
    name = source.partition("(")[0]
    return PARENT.format(source=name, made=source, count=count, after=after, seconds=seconds, before=before)


@pytest.mark.parametrize(
    ("source", "count", "after", "said"),
    [
        ("FailingSource(3, 'hang', **rows(100))", 100, "", "within 2 s"),
        ("FailingSource(3, 'kill', x=np.zeros((2000000, 1), np.uint8))", 2_000_000, "", "ended by itself"),
        ("ArraySource(**rows(100))", 100, "", "read"),
        ("ArraySource(**rows(100))", 100, "reader.close()", "read"),
        ("ArraySource(**rows(100))", 100, "raise SystemExit(3)", "read"),
    ],
    ids=["hangs", "killed while much is sent", "not closed", "closed", "exits"],
)
def test_a_process_ends_promptly_and_quietly(source: str, count: int, after: str, said: str) -> None:
    script = parent(source, count, after, seconds=2.0 if said == "within 2 s" else 60.0)
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script], env=ENVIRONMENT, capture_output=True, text=True, timeout=30, check=False
    )
    assert said in done.stdout
    assert done.stderr == ""
    assert done.returncode == (3 if "Exit" in after else 0)
    assert time.monotonic() - began < 15


def test_fault_084_readers_start_after_tensorflow_never_import_it_and_end_with_their_parent(tmp_path: Path) -> None:
    before = "from outofcore.backend import tf\nprint(float(tf.linalg.det(tf.eye(300))), flush=True)"
    script = tmp_path / "parent.py"
    script.write_text(parent("ArraySource(**rows(100))", 100, "sys.stdin.read()", before=before))
    process = subprocess.Popen(
        [sys.executable, str(script)], env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert [process.stdout.readline().strip() for _ in range(2)] == ["1.0", "read"]
        children = readers_of(process.pid)
        blocks = blocks_of(process.pid)
        assert len(children) == 2
        assert len(blocks) == 1
        assert set().union(*(blocks_of(child.pid) for child in children)) == blocks
        heavy = r"tensorflow|/keras/"
        assert mapped(process.pid, heavy)  # it would be seen
        assert not any(mapped(child.pid, heavy) for child in children)
        assert max(child.memory_info().rss for child in children) < 120 * 2**20 < process_rss(process.pid)
        process.kill()
        process.wait()
        assert wait_until(lambda: not any(map(alive, children)), 1.0)
        assert wait_until(lambda: not any(Path(block).exists() for block in blocks), 3.0)
    finally:
        process.kill()
        process.communicate()


def process_rss(pid: int) -> int:
    return int(psutil.Process(pid).memory_info().rss)


def test_what_the_readers_import_is_light() -> None:
    code = (
        "import sys\n"
        "import outofcore.loaders.reading_processes, outofcore.sources.image_files, outofcore.sources.columns\n"
        "print([name for name in ('keras', 'tensorflow', 'pandas', 'kedro', 'mlflow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
