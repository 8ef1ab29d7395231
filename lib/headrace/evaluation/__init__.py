"""Judge a challenger: measure it beside the champion and the baselines, and decide whether it may become champion.

`evaluate` scores the test days with all models and judges. `gate` makes the `verdict`, `report` the page that shows it.
`baselines` fits what a network must beat. `metrics`, `histogram` and `bootstrap` hold the statistics.
"""
