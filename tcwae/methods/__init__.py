"""The mathematics: networks, costs, divergences and the objective of each method."""
