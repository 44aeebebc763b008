"""Pictures and films of episodes."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from matplotlib import pyplot as plt
from PIL import Image

from annealrl import recording, rendering
from annealrl.cli.app import run
from annealrl.errors import InputError
from annealrl.rendering import FRAME_SIZE, View, mosaic, overlaps, replica_image
from annealrl.vector_env import AnnealingVectorEnv

SMALL: dict[str, Any] = {"steps": 3, "sweeps_per_step": 2, "replicas": 8}
SHAPE = (FRAME_SIZE[1], FRAME_SIZE[0], 3)


def batch(env_id: str, num_envs: int, **options: Any) -> AnnealingVectorEnv:
    env = gym.make_vec(env_id, num_envs=num_envs, render_mode="rgb_array", **{**SMALL, **options})
    assert isinstance(env, AnnealingVectorEnv)
    return env


@pytest.mark.parametrize(
    ("env_id", "options"),
    [
        ("EdwardsAnderson2D-v0", {"length": 4}),
        ("EdwardsAnderson3D-v0", {"length": 3}),
        ("SK-v0", {"n": 6}),
        ("PlanarRotor-v0", {"length": 4}),
    ],
)
def test_every_kind_of_problem_has_a_picture(env_id: str, options: dict[str, Any]) -> None:
    env = batch(env_id, 2, **options)
    env.reset(seed=0)
    first = env.render()
    assert first is not None
    assert len(first) == 2
    for frame in first:
        assert frame.shape == SHAPE
        assert frame.dtype == np.uint8
    env.step(env.action_space.sample())
    later = env.render()
    assert later is not None
    assert (later[0] != first[0]).any()
    assert (later[0] != later[1]).any()


@pytest.mark.parametrize(
    ("env_id", "cyclic"), [("XYModel-v0", True), ("Clock-v0", True), ("PlanarRotor-v0", False), ("Potts-v0", False)]
)
def test_directions_have_a_cyclic_colour_map(env_id: str, cyclic: bool) -> None:
    env = batch(env_id, 1, length=4)
    env.reset(seed=0)
    assert env.recorder is not None
    colours = rendering.colour_map(env.recorder._shown[0])
    ends = np.abs(np.subtract(colours(0.0), colours(1.0))).max()
    assert (ends < 0.05) == cyclic


def test_the_scalar_environment_shows_what_the_batch_does() -> None:
    one = gym.make("EdwardsAnderson2D-v0", length=4, render_mode="rgb_array", **SMALL)
    many = batch("EdwardsAnderson2D-v0", 1, length=4)
    one.reset(seed=3)
    many.reset(seed=[3])
    one.step(np.array([0.4], np.float32))
    many.step(np.array([[0.4]]))
    frames = many.render()
    assert frames is not None
    np.testing.assert_array_equal(one.render(), frames[0])


@pytest.mark.parametrize("env_id", ["EdwardsAnderson2D-v0", "PlanarRotor-v0"])
def test_gymnasium_check_with_pictures(env_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    env = gym.make(env_id, length=4, render_mode="rgb_array", **SMALL)
    assert env.metadata["render_modes"] == ["human", "rgb_array"]
    assert env.metadata["render_fps"] == rendering.RENDER_FPS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)
    env.close()


def test_the_end_of_an_episode_is_seen() -> None:
    env = batch("Ferromagnet2D-v0", 1, length=4, steps=2)
    env.reset(seed=0)
    env.step(np.zeros((1, 1)))
    env.step(np.zeros((1, 1)))
    assert env.recorder is not None
    (view,) = env.recorder._shown
    assert view.step == 2, "the environment has begun another episode, the picture has not"
    assert len(view.traces["beta"]) == 2
    assert len(view.traces["energy"]) == 3
    assert view.ground == -32.0
    env.step(np.zeros((1, 1)))
    assert env.recorder._shown[0].step == 1


def test_nothing_is_kept_or_drawn_without_a_mode() -> None:
    env = gym.make_vec("SK-v0", num_envs=1, **SMALL)
    env.reset(seed=0)
    assert env.recorder is None
    assert env.render() is None
    with pytest.raises(InputError, match="unknown render mode 'ansi'"):
        AnnealingVectorEnv("SK-v0", 1, render_mode="ansi")


def test_rendering_does_not_change_an_episode() -> None:
    plain = gym.make_vec("SK-v0", num_envs=2, **SMALL)
    seen = batch("SK-v0", 2)
    np.testing.assert_array_equal(plain.reset(seed=4)[0], seen.reset(seed=4)[0])
    for _ in range(4):
        action = np.full((2, 1), 0.2)
        np.testing.assert_array_equal(plain.step(action)[0], seen.step(action)[0])
    assert seen.render() is not None


def test_human_mode_shows_every_step(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    shown: list[tuple[int, ...]] = []
    monkeypatch.setattr(plt, "get_backend", lambda: "tkagg")
    monkeypatch.setattr(plt, "pause", lambda seconds: shown.append(plt.gcf().axes[0].images[0].get_array().shape))
    env = gym.make_vec("SK-v0", num_envs=3, render_mode="human", **SMALL)
    env.reset(seed=0)
    env.step(np.zeros((3, 1)))
    assert shown == [(2 * SHAPE[0], 2 * SHAPE[1], 3)] * 2, "three episodes side by side, at reset and after a step"
    assert env.render() is None
    env.close()
    assert not plt.get_fignums()
    monkeypatch.setattr(plt, "get_backend", lambda: "agg")
    blind = gym.make_vec("SK-v0", num_envs=1, render_mode="human", **SMALL)
    blind.reset(seed=0)
    blind.step(np.zeros((1, 1)))
    assert capsys.readouterr().err.count("no display was found") == 1
    assert len(shown) == 2


def test_replicas_are_ordered_by_energy_and_laid_out_on_their_lattice() -> None:
    spins = np.array([[1, 1, 1, 1], [-1, -1, -1, -1], [1, -1, 1, -1]], np.int8)
    view = View(spins, True, (2, 2), np.array([2.0, 0.0, 1.0]), float("nan"), 5)
    picture = replica_image(view)
    assert picture.shape == (5, 5)
    np.testing.assert_array_equal(picture[:2, :2], -1, "the lowest comes first")
    np.testing.assert_array_equal(picture[:2, 3:], [[1, -1], [1, -1]])
    np.testing.assert_array_equal(picture[3:, :2], 1)
    assert np.isnan(picture[2]).all()
    view.shape = None
    np.testing.assert_array_equal(replica_image(view), spins[[1, 2, 0]])


def test_overlaps_of_spins_are_the_physicists() -> None:
    spins = np.random.default_rng(0).choice(np.array([-1, 1], np.int8), (7, 30))
    q = (spins.astype(int) @ spins.T) / 30
    np.testing.assert_allclose(np.sort(overlaps(spins)), np.sort(q[np.triu_indices(7, 1)]))
    assert overlaps(spins[:1]).shape == (0,)


def test_mosaics_are_nearly_square() -> None:
    tile = np.ones((2, 3, 3), np.uint8)
    assert mosaic([tile] * 5, 1).shape == (2 * 2 + 1, 3 * 3 + 2, 3)
    assert mosaic([tile]).shape == tile.shape


@pytest.mark.parametrize("ending", ["gif", "mp4"])
def test_films(ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = tmp_path / f"film.{ending}"
    small = ["--set", "steps=3", "--set", "sweeps_per_step=1", "--set", "replicas=8", "--set", "n=6"]
    assert run(["record", "--env", "SK-v0", "--out", str(film), *small]) == 0
    assert "4 frames" in capsys.readouterr().out
    if ending == "gif":
        with Image.open(film) as image:
            assert (image.n_frames, image.size) == (4, FRAME_SIZE)
    else:
        import imageio_ffmpeg

        frames, seconds = imageio_ffmpeg.count_frames_and_secs(str(film))
        assert frames == 4 + 16, "four frames, and two seconds on the last"
        assert seconds == pytest.approx(20 / 8, abs=0.1)
    assert [path.name for path in tmp_path.iterdir()] == [film.name], "nothing is left beside it"


def test_agents_are_filmed_in_their_environment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = tmp_path / "wsc.gif"
    assert run(["record", "--agent", "wsc", "--out", str(film), "--set", "steps=2", "--set", "replicas=8"]) == 0
    with Image.open(film) as image:
        assert image.n_frames == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "film.gif"], "either --env ID or --agent NAME"),
        (["--env", "SK-v0", "--agent", "wsc", "--out", "film.gif"], "either --env ID or --agent NAME"),
        (["--env", "SK-v0", "--out", "film.avi"], "ending in .gif or .mp4"),
        (["--env", "SK-v0", "--out", "film.gif", "--fps", "0"], "fps is 0"),
        (["--env", "SK-v9", "--out", "film.gif"], "unknown environment 'SK-v9'"),
        (["--agent", "nobody", "--out", "film.gif"], "unknown agent 'nobody'"),
        (["--env", "SK-v0", "--out", "film.gif", "--set", "n"], "KEY=VALUE is expected"),
        (["--env", "SK-v0", "--out", "film.gif", "--set", "m=3"], "unknown option"),
        (["--env", "SK-v0", "--set", "n=6", "--out", "/proc/nowhere/film.gif"], "cannot be written"),
    ],
)
def test_wrong_films(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: Any, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["record", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_what_mp4_lacks_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr("annealrl.extras.importlib.import_module", refuse)
    with pytest.raises(InputError, match=r"MP4: imageio_ffmpeg is not installed.*annealrl\[render\]"):
        recording.write_film(tmp_path / "film.mp4", iter([]), fps=8)
