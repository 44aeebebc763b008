"""The command line. Commands import what they need when they run, so that ``annealrl --help`` stays quick."""

from annealrl.cli.app import main

__all__ = ["main"]
