"""Any request at all, for property tests."""

from hypothesis import strategies as st

from desktop.limits import GUIDANCE_MAX, SEED_MAX, SIDE_MAX, SIDE_MIN, STEPS_MAX
from desktop.messages import SCHEDULERS, GenerationRequest

texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=300)

requests = st.builds(
    GenerationRequest,
    prompt=texts.filter(str.strip),
    seed=st.integers(0, SEED_MAX),
    negative_prompt=texts,
    model=texts.filter(bool),
    steps=st.integers(1, STEPS_MAX),
    guidance_scale=st.floats(0, GUIDANCE_MAX),
    scheduler=st.sampled_from(SCHEDULERS),
    width=st.integers(SIDE_MIN, SIDE_MAX),
    height=st.integers(SIDE_MIN, SIDE_MAX),
    start_picture=st.none() | st.text("0123456789abcdef", min_size=64, max_size=64),
    strength=st.floats(0.01, 1.0),
)
