import pytest

from desktop.messages import SCHEDULERS, Phase, PhaseChanged
from desktop.ui import words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 s"), (0.4, "0 s"), (59, "59 s"), (60, "1 min 0 s"), (125, "2 min 5 s"), (3780, "1 h 3 min")],
)
def test_a_duration_is_written_as_people_say_it(seconds, text):
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 KB"), (640_000, "640 KB"), (61_400_000, "61 MB"), (3_438_000_000, "3.4 GB")]
)
def test_a_size_is_written_as_file_managers_write_it(count, text):
    assert words.size(count) == text


def test_every_scheduler_has_a_name_and_a_sentence():
    known = words.schedulers()
    assert set(known) == set(SCHEDULERS)
    assert all(name and tip.endswith(".") and len(tip) < 100 for name, tip in known.values())
    assert words.scheduler("one of tomorrow") == "one of tomorrow"


def test_every_phase_has_its_words():
    for phase in Phase:
        assert words.phase(PhaseChanged(job_id=None, phase=phase))


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("stable-diffusion", "Stable Diffusion"),
        ("stable-diffusion-xl", "Stable Diffusion XL"),
        ("deepfloyd_if", "Deepfloyd IF"),
        ("Kandinsky 2.2", "Kandinsky 2.2"),
    ],
)
def test_a_family_has_a_name_people_know(code, name):
    assert words.family(code) == name
