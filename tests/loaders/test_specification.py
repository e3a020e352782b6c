"""A loader's specification goes through JSON and comes back the same."""

import json

from hypothesis import given
from hypothesis import strategies as st

from outofcore.loaders.specification import LoaderSpecification

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
OBJECTS = st.dictionaries(st.text(), VALUES, max_size=4)


@given(OBJECTS, OBJECTS)
def test_a_specification_comes_back_from_json(source: dict, loader: dict) -> None:
    specification = LoaderSpecification(source, loader)
    text = json.dumps(specification.to_json(), ensure_ascii=False)
    assert LoaderSpecification(**json.loads(text)) == specification
    assert LoaderSpecification({**source, "split": "other"}, loader) != specification
