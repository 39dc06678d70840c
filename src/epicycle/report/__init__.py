"""Figures and pages made from stored results, for reports, notebooks and papers.

Nothing in this folder trains: results are read without JAX and without the engine.

`page_data` holds what a page is made of, and `page` writes it from `templates/`, through `html_templates`.
`curves`, `run_points` and `fork_panels` work out what a figure shows. `curves` also says which points of a long curve can be seen.
`curve_figure`, `point_figure` and `fork_figure` draw that with plotly, `paper_figure` with matplotlib. `captions`, `findings`,
`arm_tables` and `claim_sections` hold the text. `run_groups` and `ancestry` say which runs belong together.
"""
