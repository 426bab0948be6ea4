"""How models are measured: official and careful scorers, figures with intervals, published results, the leaderboard."""
