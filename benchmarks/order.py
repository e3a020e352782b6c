"""What an index of a computed order costs, beside a stored permutation's.

    python benchmarks/order.py [--repeats 30] [--stored-up-to 10000000]

Prints nanoseconds per index, the best of some calls of `take`. The yardstick is a slice of
`np.random.permutation`, made beforehand: "looked up" is that slice copied, "made" is the permutation's
making over its n. Sizes beyond `--stored-up-to` are not stored: half a billion indices take 4 GB.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np

from outofcore.loaders.order import order

SIZES = (10**6, 5 * 10**8, 2**29 + 1)
CALLS = (250, 64_000, 1_024_000)


def best_ns(call: Callable[[int, int], object], n: int, count: int, repeats: int) -> float:
    """Nanoseconds per index of the fastest of some calls, each at another place of the pass."""
    elapsed = []
    for start in np.linspace(0, n - count, repeats).astype(int).tolist():
        begin = time.perf_counter()
        call(start, start + count)
        elapsed.append(time.perf_counter() - begin)
    return min(elapsed) / count * 1e9


def row(n: int, count: int, repeats: int, stored: np.ndarray | None) -> str:
    """One line of the table."""
    count = min(count, n)
    computed = best_ns(lambda start, stop: order(n, 1, 2).take(start, stop), n, count, repeats)
    in_order = best_ns(lambda start, stop: order(n, 1, 2, shuffle=False).take(start, stop), n, count, repeats)
    looked_up = "-"
    if stored is not None:
        looked_up = f"{best_ns(lambda start, stop: stored[start:stop].copy(), n, count, repeats):.2f}"
    return f"| {n:,} | {count:,} | {computed:.2f} | {in_order:.2f} | {looked_up} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=30, help="calls of each kind")
    parser.add_argument("--stored-up-to", type=int, default=10**7, help="largest n to store as the yardstick")
    arguments = parser.parse_args()
    print("| n | indices a call | computed ns | without shuffle ns | looked up ns |")
    print("| --- | --- | --- | --- | --- |")
    for n in SIZES:
        begin = time.perf_counter()
        stored = np.random.permutation(n) if n <= arguments.stored_up_to else None
        made = (time.perf_counter() - begin) / n * 1e9
        for count in CALLS:
            print(row(n, count, arguments.repeats, stored), flush=True)
        if stored is not None:
            print(f"| {n:,} | made by np.random.permutation | | | {made:.2f} |")


if __name__ == "__main__":
    main()
