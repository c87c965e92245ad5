import subprocess
import sys
import threading

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.messages import GenerationRequest
from desktop.store.database import Database
from desktop.store.history import History
from desktop.store.saved_queue import SavedQueue
from tests.store import strategies

any_text = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)


def prompts(entries):
    return [entry.prompt for entry in entries]


def test_the_last_used_prompt_comes_first_and_stands_once(database, request_of):
    history = History(database)
    for prompt in ("a fox", "an owl", "a fox"):
        history.add(request_of(prompt, model=f"model of {prompt}"))
    assert prompts(history.recent()) == ["a fox", "an owl"]
    fox, owl = history.recent()
    assert (fox.uses, owl.uses) == (2, 1)
    assert fox.model == "model of a fox"
    assert fox.last_used > owl.last_used
    assert history.count() == 2


def test_another_negative_prompt_is_another_entry(database, request_of):
    history = History(database)
    history.add(request_of("a fox"))
    history.add(request_of("a fox", negative_prompt="snow"))
    assert [e.negative_prompt for e in history.recent()] == ["snow", ""]


def test_it_survives_a_restart(folders, request_of):
    first = Database(folders.database)
    History(first).add(request_of("a fox in snow"))
    first.close_all()
    second = Database(folders.database)
    assert prompts(History(second).search("snow")) == ["a fox in snow"]
    second.close_all()


def test_words_are_found_from_their_first_letters_on(database, request_of):
    history = History(database)
    for prompt in ("a Red apple", "red fox in the snow", "Ein Käfer", "apple-pie, warm", "(masterpiece:1.2) owl"):
        history.add(request_of(prompt))
    assert prompts(history.search("re")) == ["red fox in the snow", "a Red apple"]
    assert prompts(history.search("sno fox")) == ["red fox in the snow"]
    assert prompts(history.search("kafer")) == ["Ein Käfer"]
    assert prompts(history.search("KÄF")) == ["Ein Käfer"]
    assert prompts(history.search("pie")) == ["apple-pie, warm"]
    assert prompts(history.search("apple-p")) == ["apple-pie, warm"]
    assert prompts(history.search("(master")) == ["(masterpiece:1.2) owl"]
    assert prompts(history.search("1.2")) == ["(masterpiece:1.2) owl"]
    assert prompts(history.search(")")) == ["(masterpiece:1.2) owl"]
    assert history.search("zebra") == ()
    assert len(history.search("  ")) == 5
    assert len(history.search("", limit=2)) == 2


def test_any_part_of_a_prompt_without_spaces_is_found(database, request_of):
    history = History(database)
    for prompt in ("雪の中の赤い狐", "사과나무 아래", "แมวดำ", "a 🍎 on white", "ball++ and box"):
        history.add(request_of(prompt))
    assert prompts(history.search("赤い")) == ["雪の中の赤い狐"]
    assert prompts(history.search("狐")) == ["雪の中の赤い狐"]
    assert history.search("い赤") == ()
    assert prompts(history.search("나무")) == ["사과나무 아래"]
    assert prompts(history.search("ดำ")) == ["แมวดำ"]
    assert prompts(history.search("🍎")) == ["a 🍎 on white"]
    assert prompts(history.search("ball++")) == ["ball++ and box"]
    assert prompts(history.search("ball")) == ["ball++ and box"]


@any_text
@given(prompt=strategies.texts.filter(str.strip), text=st.text(max_size=60))
def test_nothing_that_is_typed_breaks_the_search(database, prompt, text):
    history = History(database)
    entry = history.add(GenerationRequest(prompt=prompt, seed=1))
    history.search(text.replace("\ud800", "?").encode(errors="replace").decode())
    history.remove(entry)


@any_text
@given(prompt=strategies.texts.filter(str.strip))
def test_every_prompt_is_found_by_itself(database, prompt):
    history = History(database)
    entry = history.add(GenerationRequest(prompt=prompt, seed=1))
    try:
        assert entry.prompt in prompts(history.search(prompt))
        first_word = prompt.split()[0]
        assert entry.prompt in prompts(history.search(first_word))
    finally:
        history.remove(entry)


def test_operators_of_the_search_language_are_only_words(database, request_of):
    history = History(database)
    history.add(request_of("cats AND dogs NEAR a house"))
    for text in ('"', '""', "AND", "OR", "NOT", "NEAR(", "cats*", "words:cats", "^cats", "-cats", "{cats}", "'"):
        history.search(text)
    assert prompts(history.search("and near")) == ["cats AND dogs NEAR a house"]


def test_removing_can_be_undone_exactly(database, request_of):
    history = History(database)
    for prompt in ("one", "two", "three"):
        history.add(request_of(prompt))
    before = history.recent()
    history.remove(before[1])
    assert prompts(history.recent()) == ["three", "one"]
    assert history.search("two") == ()
    history.restore(before[1])
    assert history.recent() == before
    assert prompts(history.search("two")) == ["two"]
    history.restore(before[1])  # twice does no harm
    assert history.recent() == before


def test_a_removed_prompt_that_ran_again_is_not_doubled(database, request_of):
    history = History(database)
    old = history.add(request_of("one"))
    history.remove(old)
    new = history.add(request_of("one"))
    history.restore(old)
    assert history.recent() == (new,)


def test_two_threads_add_while_a_third_searches(database, request_of):
    history = History(database)

    def add(name):
        for number in range(30):
            history.add(request_of(f"{name} {number}"))
        database.close()

    threads = [threading.Thread(target=add, args=(name,), name=name) for name in ("fox", "owl")]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        history.search("f")
    for thread in threads:
        thread.join()
    assert history.count() == 60
    assert len(history.search("owl", limit=50)) == 30


@pytest.fixture
def queue_of(database, folders):
    """Makes a queue as a program does that opens these pictures; the last ones are closed at the end."""
    made = []

    def queue_of():
        made.append(SavedQueue(database, folders.queue_owners))
        return made[-1]

    yield queue_of
    for queue in made:
        queue.close()


@any_text
@given(waiting=st.lists(strategies.requests, max_size=5))
def test_the_queue_comes_back_in_its_order(queue_of, waiting):
    queue = queue_of()
    queue.keep(waiting)
    assert queue.load() == tuple(waiting)
    queue.keep(())
    queue.close()


def test_a_damaged_line_does_not_cost_the_queue(database, queue_of, request_of):
    queue = queue_of()
    queue.keep([request_of("one"), request_of("two")])
    with database.transaction() as db:
        db.execute("UPDATE queue SET request = 'nonsense' WHERE position = 0")
    assert [request.prompt for request in queue.load()] == ["two"]
    queue.keep(())
    assert queue.load() == ()


def test_what_another_program_is_still_doing_is_not_taken_from_it(queue_of, request_of):
    window, command = queue_of(), queue_of()
    window.keep([request_of("mine")])
    command.keep([request_of("its")])
    assert [request.prompt for request in window.load()] == ["mine"]
    window.keep([request_of("mine"), request_of("more")])
    assert [request.prompt for request in window.adopt()] == ["mine", "more"]
    assert [request.prompt for request in command.load()] == ["its"]


_WINDOW = """
import sys
from pathlib import Path
from desktop.messages import GenerationRequest
from desktop.settings import Folders
from desktop.studio import Studio
studio = Studio(Folders(root=Path(sys.argv[1])), lambda event: None)
studio.queue.keep([GenerationRequest(prompt="the window's", seed=1)])
print("kept", flush=True)
sys.stdin.read()
"""


def test_a_clock_that_is_set_takes_nothing_from_a_window_and_its_end_leaves_it(queue_of, folders, monkeypatch):
    arguments = [sys.executable, "-c", _WINDOW, str(folders.root)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as window:
        assert window.stdout.readline() == "kept\n"
        began = psutil.Process(window.pid).create_time()
        monkeypatch.setattr(psutil.Process, "create_time", lambda process: began + 3600)
        command = queue_of()
        assert command.load() == command.adopt() == ()
        window.kill()
    assert [request.prompt for request in command.load()] == ["the window's"]
    assert [request.prompt for request in command.adopt()] == ["the window's"]
    (held,) = folders.queue_owners.iterdir()
    command.close()
    assert not held.exists()


def test_what_a_program_that_is_gone_left_behind_is_adopted(queue_of, request_of):
    gone = queue_of()
    gone.keep([request_of("left"), request_of("behind")])
    gone.close()
    window, other = queue_of(), queue_of()
    window.keep([request_of("mine")])
    assert [request.prompt for request in window.adopt()] == ["left", "behind", "mine"]
    assert other.load() == other.adopt() == ()
    window.keep(())
    window.close()
    assert other.load() == ()


def test_where_nothing_waits_no_file_is_held(queue_of, folders):
    queue = queue_of()
    queue.keep(())
    assert queue.adopt() == ()
    assert not folders.queue_owners.exists()
