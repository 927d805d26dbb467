# ruff: noqa: RUF001 - γ is a coefficient
"""The title and caption of each kind of figure.

The report, the web page and Snakemake's own report all take their captions from here. `tcwae.figures` draws.
"""

from typing import NamedTuple

__all__ = ["FIGURES", "FigureFacts"]


class FigureFacts(NamedTuple):
    """The title and caption of a kind of figure, as plain text."""

    title: str
    caption: str


FIGURES = {
    "heatmap": FigureFacts(
        "Scores over the grid of β and γ",
        "Means over seeds. Each row is a method and each column a score. The methods share the colour scale of a score, and "
        "darker is better in every panel. The frame marks the selected setting. A hatched cell has no mean: a run of the "
        "setting diverged, or all are missing.",
    ),
    "scores_vs_reconstruction": FigureFacts(
        "Scores against reconstruction",
        "Upper left is better. Each marker is a setting: the mean over its seeds, with one standard deviation where there are "
        "several, and its single runs as faint points. Numbers are values of the coefficient that the legend names; lines join "
        "the settings of a method in their order. From a grid of β and γ, the settings at the selected γ are shown. A hollow "
        "marker: a run of the setting diverged.",
    ),
    "pareto": FigureFacts(
        "Fronts of reconstruction and scores",
        "Upper left is better. Faint: every finished run of the study on these data and with this cost. Filled: each method's "
        "front, its runs that no other of its runs beats in both reconstruction and score.",
    ),
    "violins": FigureFacts(
        "Distribution of the scores by coefficient",
        "A column is a method and a row a score. Points are runs, and each violin is the distribution over the seeds of one "
        "value of the method's coefficient, drawn where there are at least five. From a grid of β and γ, the settings at the "
        "selected γ are shown.",
    ),
    "ablation": FigureFacts(
        "What regularisation costs and achieves",
        "(a) Reconstruction and (b) divergence of the aggregated posterior from the prior, by the weight of the regulariser; "
        "(c) reconstruction against that divergence, and (d) against the MMD to the prior on held-out images (on a logarithmic "
        "axis: values below zero are left out). Means over seeds, with one standard deviation to either side; for one or "
        "two weights, only the points. The divergence is the sum of the total correlation and the dimension-wise KL. Solid and "
        "filled: over all encoded images. Dashed and hollow: as the method itself estimated it at the end of training; that of "
        "TCWAE-MWS is too low by ln N, the bias of Eq. (10), and may be negative. WAE-MMD has the MMD instead: in (b), on the "
        "axis at the right.",
    ),
    "deviations": FigureFacts(
        "Departures from the default setting",
        "Differences from the default setting, seed by seed (grey points), and their mean with its 95 % interval by Student's "
        "t. Right of zero the score is higher. Departures that change only the scores are computed from the default runs.",
    ),
    "kl_estimators": FigureFacts(
        "What each estimator says",
        "Total correlation and dimension-wise KL of each best run's aggregated posterior over all its encoded images, as each "
        "estimator computes them from a batch of M codes (mean and range of three batches; the scale is linear within ±1 nat). "
        "Black: the large-sample value. MWS is equation (10) as printed, “in batch” treats the batch as the whole data set, "
        "MSS is stratified sampling, and the density ratio is that of a classifier of M codes of each kind.",
    ),
    "matrix": FigureFacts(
        "Which latent carries which factor",
        "For the best run of each method: how much each latent (a column) tells about each factor (a row). Left: mutual "
        "information, estimated as for MIG, as a fraction of the factor's entropy. Right, if the study has DCI: its "
        "importances, which add up to 1 for each factor. Orange frames: the one-to-one matching of latents and factors with "
        "the largest sum of these fractions. Matched latents are in the order of their factors; the others follow, the most "
        "informative first.",
    ),
    "agreement": FigureFacts(
        "How the scores agree",
        "Spearman's rank correlation between scores over all finished runs on these data and with this cost. Ranks count from "
        "the best run, so blue is agreement. Below each: its 95 % interval (Fisher's, with the variance of Bonett and Wright, "
        "2000), which treats runs as independent.",
    ),
    "analysis_of_variance": FigureFacts(
        "What decides a score",
        "Share of the variance of each score over all finished runs on these data and with this cost: of methods, of "
        "coefficients (and whatever else differs) within methods, and of seeds within settings. ε² of a nested analysis of "
        "variance (Kelley, 1935), with 95 % intervals from noncentral F distributions (Steiger, 2004). A share below zero is "
        "drawn as zero.",
    ),
    "traversals": FigureFacts(
        "Latent traversals",
        "For the best run of each method. An image is encoded, and one latent at a time is moved from its code by the values "
        "below the columns. Rows are ordered by increasing KL divergence of the latent's aggregated posterior from the prior, "
        "given at the left.",
    ),
    "latent_traversals": FigureFacts(
        "Traversals of a few latents",
        "For the best run of each method. Each block is one of the four latents that tell most about an image (largest mean KL "
        "of its posterior to the prior). Its lines are held-out images, each encoded and then moved along the latent by the "
        "values below.",
    ),
    "reconstructions": FigureFacts(
        "Reconstructions", "Held-out images (first row) and their reconstructions by the best run of each method."
    ),
    "samples": FigureFacts(
        "Samples",
        "Images of the data (first row), and images decoded from codes drawn from the prior, by the best run of each method.",
    ),
    "quadrants": FigureFacts(
        "Reconstructions and samples",
        "For the best run of each method. Left: held-out images, and below each line of them their reconstructions. Right: "
        "images decoded from codes drawn from the prior.",
    ),
}
"""By the name that a study's `shows` uses, in the order in which a report shows them."""
