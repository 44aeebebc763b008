"""Instance generators, readers and writers, and the fixed sets with certified optima."""
