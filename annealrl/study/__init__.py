"""The tables and figures of ``docs/results.md``: what they hold, how it is measured, and how it is shown.

:mod:`plan <annealrl.study.plan>` says which methods are measured on which set with which budget,
:mod:`measure <annealrl.study.measure>` does it in blocks of episodes and keeps one small JSON file each
(:mod:`record <annealrl.study.record>`), :mod:`report <annealrl.study.report>` and
:mod:`figures <annealrl.study.figures>` read those files alone.
"""
