"""What the built-in model makes of a picture with noise, asked of the engine."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from desktop.messages import Frame, NoiseQuestion, NoiseSeen, QueueChanged, Saved, Started
from tests.engine.conftest import request


@pytest.fixture(scope="module")
def apple():
    """A red disc on white, as the built-in model draws things."""
    image = Image.new("RGB", (256, 256), "white")
    ImageDraw.Draw(image).ellipse((64, 64, 192, 192), fill=(200, 30, 40))
    return Frame(width=256, height=256, rgb=image.tobytes())


def seen(bench, question):
    bench.start()
    bench.engine.look(question)
    return next_answer(bench)


def next_answer(bench):
    while True:
        event = bench.events.get(timeout=600)
        bench.seen.append(event)
        if isinstance(event, NoiseSeen):
            return event


def psnr(frame, picture):
    small = Image.frombytes("RGB", (picture.width, picture.height), picture.rgb).resize((frame.width, frame.height))
    shown = np.frombuffer(frame.rgb, np.uint8).reshape(frame.height, frame.width, 3).astype(float)
    return 10 * np.log10(255**2 / ((shown - np.asarray(small, float)) ** 2).mean())


def test_the_latents_carry_the_picture_at_first_and_nothing_of_it_at_last(bench, apple):
    levels = []
    for t in (0, 500, 999):
        answer = seen(bench, NoiseQuestion(model="starter", picture=apple, t=t, seed=3))
        assert answer.message == ""
        assert (answer.frame.width, answer.frame.height) == (256, 256)
        assert sum(answer.of_picture) == pytest.approx(1, abs=1e-4)
        levels.append(psnr(answer.frame, apple))
    assert levels == sorted(levels, reverse=True)
    assert levels[0] > 20
    assert answer.of_picture == pytest.approx(answer.of_noise, abs=1e-3)


@pytest.mark.parametrize("t", [400, 700, 999])
def test_the_model_s_guess_is_nearer_to_the_picture_than_what_it_guesses_from(bench, apple, t):
    noisy = seen(bench, NoiseQuestion(model="starter", picture=apple, t=t, seed=3))
    guess = seen(bench, NoiseQuestion(model="starter", picture=apple, t=t, seed=3, guess=True))
    assert guess.message == ""
    assert psnr(guess.frame, apple) > psnr(noisy.frame, apple) + 1, "at 999 it is guessed from noise alone"
    assert guess.of_picture == noisy.of_picture, "it is guessed from the same x_t"
    told = seen(bench, NoiseQuestion(model="starter", picture=apple, t=t, seed=3, guess=True, prompt="a fox"))
    assert told.frame != guess.frame, "the prompt counts"


def test_the_same_question_has_the_same_answer_and_leaves_pictures_as_they_are(bench, apple):
    asked = request(model="starter", width=256, height=256, steps=2)
    before = bench.image(asked).tobytes()
    question = NoiseQuestion(model="starter", picture=apple, t=300, seed=1, guess=True, prompt="a fox")
    assert seen(bench, question).frame == seen(bench, question).frame
    assert bench.image(asked).tobytes() == before


def test_a_job_goes_first_and_only_the_newest_question_is_answered(bench, apple):
    job = bench.engine.submit(request(steps=3))
    for t in (10, 20, 30):
        bench.engine.look(NoiseQuestion(model="tiny", picture=apple, t=t, seed=0))
    bench.start()
    assert next_answer(bench).question.t == 30
    order = [type(event) for event in bench.seen if isinstance(event, Started | Saved | NoiseSeen)]
    assert order == [Started, Saved, NoiseSeen]
    assert job in {event.job_id for event in bench.of(Saved)}
    assert not any(isinstance(event, NoiseSeen) for event in list(bench.events.queue))
    assert bench.of(QueueChanged)


def test_a_question_that_has_no_answer_says_why(bench, apple):
    answer = seen(bench, NoiseQuestion(model="nobody", picture=apple, t=0, seed=0))
    assert answer.frame is None
    assert "nobody" in answer.message
    beyond = seen(bench, NoiseQuestion(model="tiny", picture=apple, t=5000, seed=0))
    assert beyond.frame is None
    assert "timestep 5000" in beyond.message


def test_an_error_nobody_foresaw_is_an_answer_too(bench, apple, monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr("desktop.engine.noise._look", fail)
    answer = seen(bench, NoiseQuestion(model="tiny", picture=apple, t=0, seed=0))
    assert (answer.frame, answer.message) == (None, "There is not enough memory to ask the model")
