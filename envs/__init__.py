"""Problem families: one file each, registered as Gymnasium environments when :mod:`annealrl` is imported."""
