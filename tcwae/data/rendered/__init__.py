"""The rendered twins of the data sets, and what they are drawn with."""
