import json

import numpy as np
import pytest
import torch

from desktop.errors import KnownError
from desktop.training import classifier, drawing, evaluate, finish, loop, plot, prompts, score
from desktop.training.classifier import COLOURS, ClassifierSettings, Verdict
from desktop.training.colours import PAINTS
from desktop.training.drawing import Model, Style
from desktop.training.prompts import Prompt
from tests.training.makers import dataset, recipe, work_folder

KNOWN = dataset()
TINY = ClassifierSettings(widths=(8, 16), batch=8, portion=4)


def verdict(rows, colours=None):
    """rows: the things each picture is taken for, likeliest first; the rest of ten follows."""
    things = np.array([list(row) + [n for n in range(10) if n not in row] for row in rows])
    chosen = [COLOURS.index(colour) for colour in colours or ["red"] * len(rows)]
    return Verdict(things=things, colours=np.array(chosen), features=np.zeros((len(rows), 2)))


def test_shares_count_what_was_asked_for():
    chosen = [
        Prompt(kind="names", text="a", things=(3,)),
        Prompt(kind="names", text="b", things=(4,)),
        Prompt(kind="colours", text="c", things=(1,), paint="blue"),
        Prompt(kind="colours", text="d", things=(1,), paint="blue"),
        Prompt(kind="pairs", text="e", things=(1, 2)),
        Prompt(kind="pairs", text="f", things=(1, 2)),
    ]
    answers = verdict(
        [(3,), (9, 8, 7, 6, 4), (1,), (1,), (2, 1), (2, 9, 8, 7, 1)], ["red", "red", "blue", "red", "red", "red"]
    )
    assert score.shares(chosen, answers) == {
        "names": {"top5": 1.0, "top1": 0.5},
        "colours": {"object5_and_colour": 0.5, "object1_and_colour": 0.5, "object1": 1.0, "colour": 0.5},
        "pairs": {"both_in_top5": 1.0, "both_are_top2": 0.5},
    }


def test_chance_is_what_guessing_gives():
    rng = np.random.default_rng(0)
    chosen = [Prompt(kind="pairs", text=str(n), things=(1, 2)) for n in range(4000)]
    chosen += [Prompt(kind="names", text=str(n), things=(3,)) for n in range(4000)]
    guessed = verdict([rng.permutation(10) for _ in chosen])
    found, expected = score.shares(chosen, guessed), score.chance(10)
    for kind, measure in (("pairs", "both_in_top5"), ("pairs", "both_are_top2"), ("names", "top5"), ("names", "top1")):
        assert found[kind][measure] == pytest.approx(expected[kind][measure], abs=0.03)


def test_the_distance_of_two_clouds_is_that_of_their_gaussians():
    rng = np.random.default_rng(0)
    cloud = rng.normal(size=(4000, 3))
    assert score.frechet(cloud, cloud) == pytest.approx(0, abs=1e-6)
    assert score.frechet(cloud, cloud + 2) == pytest.approx(12, rel=1e-3)
    assert score.frechet(cloud, 3 * cloud) == pytest.approx(
        cloud.mean(0) @ cloud.mean(0) * 4 + 4 * np.trace(np.cov(cloud.T)), rel=1e-3
    )


def test_the_prompts_are_always_the_same_and_ask_for_what_was_held_out(monkeypatch):
    monkeypatch.setattr(prompts.holdout, "pair", lambda one, other: {one, other} == {"apple", "frog"})
    monkeypatch.setattr(prompts.holdout, "colour", lambda thing, paint: (thing, paint) == ("sun", "blue"))
    chosen = prompts.choose(KNOWN)
    by_kind = {kind: [prompt.text for prompt in chosen if prompt.kind == kind] for kind in prompts.COUNTS}
    assert by_kind["pairs"] == ["an apple and a frog"] and by_kind["colours"] == ["a blue sun"]
    assert {"an apple", "a star", "a picture of a frog"} <= set(by_kind["names"])
    assert sorted(by_kind["keywords"]) == ["fruit, orchard, round", "hot, sky, weather", "jump, pond, toad"]
    assert prompts.choose(KNOWN) == chosen
    few = prompts.choose(KNOWN, limit=2)
    assert [prompt for prompt in few if prompt.kind == "names"] == [p for p in chosen if p.kind == "names"][:2]


def test_a_colour_is_asked_of_one_thing_only():
    alone = prompts.renders_scene(Prompt(kind="colours", text="", things=(0,), paint="blue"), KNOWN)
    assert classifier.colour_label(alone, KNOWN) == COLOURS.index("blue")
    own = prompts.renders_scene(Prompt(kind="names", text="", things=(2,)), KNOWN)
    assert classifier.colour_label(own, KNOWN) == COLOURS.index("green")
    two = prompts.renders_scene(Prompt(kind="pairs", text="", things=(0, 2)), KNOWN)
    assert classifier.colour_label(two, KNOWN) == -1
    assert set(PAINTS) < set(COLOURS)


def test_the_judge_learns_from_renders_and_goes_on_after_a_stop(tmp_path):
    work, seen = work_folder(tmp_path), {}

    def run(name, stop_at=None, steps=30):
        folder = tmp_path / name
        if not folder.exists():
            work_folder(folder)
        losses = seen.setdefault(name, {})

        def tell(_stage, figures):
            losses[figures["step"]] = figures["last"]
            return figures["step"] != stop_at

        return evaluate.trained_judge(folder, KNOWN, tell, settings=TINY, steps=steps)

    judge = run("straight")
    with pytest.raises(loop.Stopped):
        run("halted", stop_at=11)
    run("halted")
    assert seen["straight"] == seen["halted"]
    chosen = prompts.choose(KNOWN)
    found = classifier.judge(judge, evaluate.renders(chosen, KNOWN, seed=3))
    colours = [COLOURS[found.colours[row]] for row, prompt in enumerate(chosen) if prompt.kind == "names"]
    assert len(set(colours)) > 1
    with pytest.raises(KnownError, match="another shape"):
        classifier.load(tmp_path / "straight" / "classifier.safetensors", TINY, 99)
    assert work.exists()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """An untrained model's folder."""
    made = recipe(work_folder(tmp_path_factory.mktemp("model")))
    finish.export_model(made)
    return finish.folder_of(made)


def test_a_picture_depends_on_its_prompt_and_seed_and_not_on_its_neighbours(model):
    drawer, style = Model.open(model), Style(steps=2)
    both = drawer.draw(["an apple", "a frog"], 4, style)
    alone = drawer.draw(["a frog"], 4, style)
    assert np.abs(both[1].astype(int) - alone[0]).max() <= 1
    assert not np.array_equal(drawer.draw(["a frog"], 5, style), alone)


def test_it_draws_as_the_pipeline_does(model):
    from diffusers import StableDiffusionPipeline

    pipe = StableDiffusionPipeline.from_pretrained(model, local_files_only=True, dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    noise = torch.randn(16, 4, 4, generator=drawing.generator(1, "a frog"))[None]
    usual = pipe("a frog", num_inference_steps=4, guidance_scale=4.0, latents=noise, output_type="np").images[0]
    found = Model.open(model).draw(["a frog"], 1, Style(steps=4))[0]
    assert np.abs(usual * 255 - found).max() <= 1.01


def test_drawings_that_lie_there_are_not_drawn_again(model, tmp_path, monkeypatch):
    drawer, texts = Model.open(model), [f"prompt {number}" for number in range(15)]
    options = {"seed": 1, "style": Style(steps=1), "folder": tmp_path, "shrink": classifier.shrink}

    def halt(done):
        raise loop.Stopped

    with pytest.raises(loop.Stopped):
        drawing.draw_all(drawer, texts, report=halt, **options)
    assert list(tmp_path.iterdir())
    once = drawing.draw_all(drawer, texts, **options)
    monkeypatch.setattr(drawer, "draw", None)
    again = drawing.draw_all(drawer, texts, **options)
    assert once.shape == (15, 64, 64, 3) and np.array_equal(once, again)


def test_a_folder_that_holds_no_model_is_a_known_error(tmp_path):
    with pytest.raises(KnownError, match="cannot be read"):
        Model.open(tmp_path)


def test_the_command_writes_the_report_and_a_table(model, capsys):
    work, out = model.parent, model.parent / "report.json"
    command = [str(model), "--work", str(work), "--limit", "1", "--seeds", "1", "--steps", "1", "--out", str(out)]
    assert evaluate.main([*command, "--minutes-classifier", "0.001"]) == 0
    report = json.loads(out.read_text())
    assert report["things"] == 3 and report["prompts"]["names"] == 1 and 0 <= report["overall"] <= 1
    assert report["fingerprint"] == evaluate.fingerprint(model)
    assert "| by name: among the first five | 1 |" in capsys.readouterr().out


def test_without_packed_pictures_the_command_says_how_to_get_them(tmp_path, capsys):
    assert evaluate.main([str(tmp_path), "--work", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "--stage pack" in said and said.count("\n") == 1


def test_a_loss_curve_is_drawn_from_any_points():
    for points in ([], [(0, 1.0)], [(10, 2.0), (20, 0.5), (30, 0.1)], [(1, 0.0), (2, 0.0)]):
        drawn = plot.curve(points, "denoiser")
        assert drawn.size == plot.SIZE
    pixels = np.asarray(plot.curve([(10, 2.0), (20, 0.5)], "denoiser"))
    assert (pixels == plot.LINE).all(-1).sum() > 100
