"""What the property tests share: how many examples, the same in every run, and strategies of more than one room."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


def examples(count):
    """Settings of a test: ``count`` examples, the same ones every time, however long one takes."""
    return settings(max_examples=count, derandomize=True, deadline=None, suppress_health_check=QUIET)


@st.composite
def damaged(draw, files):
    """One of ``files`` (bytes), cut short, with bytes changed, a part left out or a part that is not its own."""
    data = bytearray(draw(st.sampled_from(files)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        what = draw(st.sampled_from(("cut", "change", "leave out", "put in")))
        if what == "cut":
            del data[at:]
        elif what == "change":
            data[at : at + 1] = draw(st.binary(min_size=1, max_size=4))
        elif what == "leave out":
            del data[at : at + draw(st.integers(1, 30))]
        else:
            data[at:at] = draw(st.binary(max_size=30))
    return bytes(data)
